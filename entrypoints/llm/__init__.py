"""Language models: which there are, their keys, how they are set up and tried. Nothing here runs unless somebody asks."""
