"""`netti demo`: the whole way from meters to pages on a simulated street, judged by the simulator's own log."""
