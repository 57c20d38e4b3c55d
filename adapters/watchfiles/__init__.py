"""Files told of as they change, through the watchfiles library."""
