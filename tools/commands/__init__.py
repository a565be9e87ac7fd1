"""One module per subcommand, named after it: `netti decode` is `commands/decode.py`."""
