#!/usr/bin/env bash
# Makes every recording in this folder again, byte for byte the same with the same engine packages.
# Two voice engines, five voices, three speeds; G.711 mu-law, 8 kHz. A second call does nothing.
set -euo pipefail
cd "$(dirname "$0")"
evalkit voice voice.output_csv=support.csv 'voice.voices=[marin,cedar,shimmer]' 'voice.speeds=[1.0,0.9,1.1]' "$@"
evalkit voice assistant=clinic 'mode.data_csv=${data:crawl/clinic.csv}' voice.output_csv=clinic.csv \
  'voice.voices=[alloy,verse]' 'voice.speeds=[1.0,0.9]' service.speech=pico "$@"
