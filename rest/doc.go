// Package rest is the engine of the SDK: one call in, one exchange with the Controller out. The resource packages are
// written with it, and a program can add a resource that the SDK does not have in the same way:
//
//	widget, err := rest.Get[Widget](ctx, client.REST(), rest.Path("apps", id, "widgets", "1"))
//
// A call checks its path (Path), agrees on the API version (Client.Negotiate), waits for its turn if it writes to an
// app, is sent, again if that does no harm (RetryPolicy), and comes back as a value or as an *Error, never both.
//
// Most programs need nothing of this package: the root package re-exports its everyday names.
package rest
