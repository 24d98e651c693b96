package deis

import (
	"iter"

	"github.com/deisgo/deis/rest"
)

// The everyday types of package rest, so that most programs need not import it.
type (
	// An Error is an exchange that failed; see rest.Error.
	Error = rest.Error
	// A Page is one page of a list; see rest.Page.
	Page[T any] = rest.Page[T]
	// ListOptions choose a page of a list; see rest.ListOptions.
	ListOptions = rest.ListOptions
	// A Time is a time as Controllers write it; see rest.Time.
	Time = rest.Time
	// A Response is what a call returns besides its result; see WithResponse.
	Response = rest.Response
	// A Server has the versions that a Controller reports; see Client.Server.
	Server = rest.Server
	// A RetryPolicy says how often, and after what delays, a call is retried; see rest.RetryPolicy.
	RetryPolicy = rest.RetryPolicy
	// A CallOption changes one call.
	CallOption = rest.CallOption
)

// Sentinels for errors.Is; see rest.ErrBadRequest and the others there. Those about the request or the resource match
// only a response of the Controller itself.
var (
	ErrBadRequest       = rest.ErrBadRequest       // 400
	ErrUnauthorized     = rest.ErrUnauthorized     // 401
	ErrForbidden        = rest.ErrForbidden        // 403
	ErrNotFound         = rest.ErrNotFound         // 404
	ErrMethodNotAllowed = rest.ErrMethodNotAllowed // 405
	ErrConflict         = rest.ErrConflict         // 409
	ErrUnprocessable    = rest.ErrUnprocessable    // 422
	ErrRateLimited      = rest.ErrRateLimited      // 429
	ErrServer           = rest.ErrServer           // 500 and above
	ErrUnavailable      = rest.ErrUnavailable      // 502, 503, 504 and 520 to 524
	ErrInvalidArgument  = rest.ErrInvalidArgument  // found before anything was sent
	ErrNotController    = rest.ErrNotController    // something else responded
	ErrUpgraded         = rest.ErrUpgraded         // the Controller speaks a different major version from the one that the call used
)

// Collect gathers the items of an All. On an error, it also returns the items before it.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) { return rest.Collect(seq) }

// WithHeader sets a header of one call; see rest.WithHeader.
func WithHeader(key, value string) CallOption { return rest.WithHeader(key, value) }

// WithIdempotent declares that making a call twice does no harm, so that it is retried like a GET; see
// rest.WithIdempotent.
func WithIdempotent() CallOption { return rest.WithIdempotent() }

// WithResponse fills in r when a call ends, even if it fails.
func WithResponse(r *Response) CallOption { return rest.WithResponse(r) }

// WithoutReadAhead makes an All request a page only when the range reaches it; see rest.All.
func WithoutReadAhead() CallOption { return rest.WithoutReadAhead() }
