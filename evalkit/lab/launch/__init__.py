"""Launching: what a form or a line asks for, checked, queued and run as child processes that outlive the lab."""
