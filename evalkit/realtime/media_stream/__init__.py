"""Calls to a telephone application over its media stream, as Twilio, Telnyx or Plivo would make them."""
