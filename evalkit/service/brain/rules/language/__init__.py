"""What stands in an utterance, read alike by agent, caller and judge: words, numbers, dates, times, ids, addresses."""
