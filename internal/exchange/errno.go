//go:build !windows

package exchange

import "syscall"

// What the operating system reports for a connection that is refused, and for one that is reset.
const (
	ConnRefused = syscall.ECONNREFUSED
	ConnReset   = syscall.ECONNRESET
)
