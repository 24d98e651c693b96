// Package rest is the engine of the SDK: one call in, one exchange with the Controller out. The resource packages are
// built on it, and a program can add a resource that the SDK does not have in the same way:
//
//	widget, err := rest.Get[Widget](ctx, client.REST(), rest.Path("apps", id, "widgets", "1"))
//
// A call checks its path (Path), negotiates the API version (Client.Negotiate), waits for its turn if it writes to an
// app, is sent and, where safe, retried (RetryPolicy), and returns a value or an error, never both. An exchange that
// fails is an *Error.
//
// Most programs need not import this package: the root package re-exports its everyday names.
package rest
