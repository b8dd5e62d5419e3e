"""The lab: every run in one web application, launched, watched live, compared, reviewed and ranked.

It reads runs through their directories, which are the truth; its database is an index that can be made again. What it
starts are child processes of evalkit. This room and the rooms in it import the libraries of the extra ``lab``.
"""
