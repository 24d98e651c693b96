package exchange

import "syscall"

// What the operating system reports for a connection that is refused, and for one that is reset. On Windows these are
// the codes of its sockets, which do not match the constants that package syscall borrows from Unix.
const (
	ConnRefused = syscall.Errno(10061) // WSAECONNREFUSED
	ConnReset   = syscall.WSAECONNRESET
)
