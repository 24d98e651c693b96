//go:build !windows

package exchange

import "syscall"

// The errors of the operating system for a connection that is refused, and for one that is reset.
const (
	ConnRefused = syscall.ECONNREFUSED
	ConnReset   = syscall.ECONNRESET
)
