"""What the works and the homeowner see, a folder each. None imports another; deleting a folder deletes a feature."""
