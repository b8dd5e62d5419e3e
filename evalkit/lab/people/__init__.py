"""What people add to a run: tags, notes and reviews, appended to files in the run's own directory.

The files are the truth and the lab's index only repeats them. They need no library of the extra ``lab``, so that
``evalkit calibrate`` reads them anywhere.
"""
