"""The administrators' page of accounts and API tokens."""
