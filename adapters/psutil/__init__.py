"""Which programs run, through psutil."""
