"""The protocol of Gemini Live (BidiGenerateContent), put into the events of the Realtime protocol and out of them."""
