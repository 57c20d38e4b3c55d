"""In-memory fakes of every port, for tests of those who embed the library."""
