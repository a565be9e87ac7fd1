"""What the tests of all pages are told of the notices: they have none."""
