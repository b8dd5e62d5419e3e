"""Jobs on a Ray cluster.

=========== ====================================================================================================
``queue``   what the command that runs a sweep asks and tells, without Ray in its own process
``session`` the process that it starts for that: a driver, in Ray's words; the queue asks it over a socket
``keeper``  an actor for each job, on the node where Ray has put it
``job``     the job's own process, started by its keeper
=========== ====================================================================================================

Actors are detached where a running cluster was joined: they go on when the command is gone.
"""
