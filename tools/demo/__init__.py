"""`netti demo`: the whole way from meters to pages on a simulated street, judged by the simulator's own log.

Law: drives gateways and receiver as processes; what it judges by comes from tools/simulate alone.
"""
