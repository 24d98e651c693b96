//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endSignals are the signals that end the story.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// Without this, the first write to a closed standard output would kill the program, and the app would stay.
func init() { signal.Ignore(syscall.SIGPIPE) }
