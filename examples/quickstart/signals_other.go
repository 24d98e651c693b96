//go:build !unix

package main

import "os"

// endSignals are the signals that end the story.
var endSignals = []os.Signal{os.Interrupt}
