"""Random schedules of cuts, lost answers, restarts and restores, for a gateway and a receiver that are both real.

`world` and `device` are the gateway's surroundings and run on both runtimes; `receiving` is the receiver with a way to
kill and restore it; `plan` draws schedules; `play` carries them out, keeps the books and judges; `mutants` are faults
that a campaign must find.
"""
