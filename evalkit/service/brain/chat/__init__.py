"""The brain that is any chat model: asked through ``/chat/completions``, heard sentence by sentence."""
