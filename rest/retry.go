package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// A RetryPolicy says how often and how patiently a call is tried again. The zero value never tries again.
//
// Tried again are GET, HEAD and DELETE, and calls with WithIdempotent, when the connection fails or the answer is 429,
// 502, 503 or 504; every other call only on 429 and when no connection could be made, which proves that nothing was
// sent. A POST is never tried again on 503: a scale that failed that way is stored, and real 2.2 Controllers answer its
// repetition with a 204 that does nothing. Nothing is tried again on 500.
type RetryPolicy struct {
	Max int // how often at most, after the first time

	// A wait is a random time: the first between 0 and MinWait, each after that up to twice as much, never more than MaxWait. A
	// Retry-After header is obeyed instead; if it asks for more than MaxWait, or for more than the context's deadline
	// leaves, the call returns its error at once. Zero means as in DefaultRetryPolicy.
	MinWait, MaxWait time.Duration
}

// DefaultRetryPolicy is the policy of a client that is given none.
var DefaultRetryPolicy = RetryPolicy{Max: 3, MinWait: 250 * time.Millisecond, MaxWait: 5 * time.Second}

// Check returns what is wrong with the policy, or nil.
func (p RetryPolicy) Check() error {
	switch {
	case p.Max < 0:
		return InvalidArgument("RetryPolicy.Max", "must not be negative")
	case p.MinWait < 0 || p.MaxWait < 0 || p.MaxWait != 0 && p.MaxWait < p.MinWait:
		return InvalidArgument("RetryPolicy", "must have 0 <= MinWait <= MaxWait")
	}
	return nil
}

// wait chooses how long to wait before try n+1 (n counts from 1): full jitter, or what the answer asks for. The second
// result is false if that is too long.
func (p RetryPolicy) wait(ctx context.Context, n int, resp *http.Response) (time.Duration, bool) {
	// Without these, a server that is down would be asked again and again without a pause.
	if p.MaxWait == 0 {
		p.MaxWait = max(p.MinWait, DefaultRetryPolicy.MaxWait)
	}
	if p.MinWait == 0 {
		p.MinWait = min(p.MaxWait, DefaultRetryPolicy.MinWait)
	}
	ceiling := p.MaxWait
	if doubled := p.MinWait << (n - 1); doubled>>(n-1) == p.MinWait {
		ceiling = min(ceiling, doubled)
	}
	wait := time.Duration(0)
	if ceiling > 0 {
		wait = rand.N(ceiling)
	}
	if resp != nil {
		if asked, ok := retryAfter(resp.Header); ok {
			wait = asked
		}
	}
	deadline, limited := ctx.Deadline()
	return wait, wait <= p.MaxWait && (!limited || time.Until(deadline) > wait)
}

// retryAfter reads the Retry-After header, which is a number of seconds or a date.
func retryAfter(header http.Header) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil || errors.Is(err, strconv.ErrRange) {
		const most = uint64(1<<63-1) / uint64(time.Second)
		return time.Duration(min(seconds, most)) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date)), true
	}
	return 0, false
}

// exchange sends a request, again as far as the policy allows. The caller closes the answer's body; there can be an
// answer and an error, after a refused redirect.
func (c *Client) exchange(call *call, req *retryablehttp.Request) (*http.Response, error) {
	retrying := &call.retrying // one for each call, because its hooks get neither the request nor, in part, the context
	retrying.HTTPClient = c.http
	retrying.RetryMax = c.config.Retry.Max
	retrying.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		return c.again(ctx, call, resp, err), nil
	}
	retrying.Backoff = chosenWait
	retrying.ErrorHandler = retryablehttp.PassthroughErrorHandler // its own drops the last answer
	resp, err := retrying.Do(req)
	call.answer = resp
	return resp, err
}

// chosenWait is what again has chosen.
func chosenWait(chosen, _ time.Duration, _ int, _ *http.Response) time.Duration { return chosen }

// again decides after a try whether there is another, and when. It sees each answer first.
func (c *Client) again(ctx context.Context, call *call, resp *http.Response, err error) bool {
	call.attempts++
	if resp != nil {
		if _, ok := c.observe(resp.Header); ok && call.question != nil {
			return false // whatever else the answer says, it names the version
		}
	}
	policy := c.config.Retry
	if ctx.Err() != nil || call.attempts > policy.Max || !call.repeatable(resp, err) {
		return false
	}
	wait, ok := policy.wait(ctx, call.attempts, resp)
	if !ok {
		return false
	}
	call.retrying.RetryWaitMin = wait
	call.mayHaveActed = call.mayHaveActed || !untouched(resp, err)
	c.logRetry(ctx, call, resp, err)
	if call.question != nil {
		call.question.keep(resp, err)
	}
	return true
}

// repeatable tells whether the outcome of a try allows another.
func (c *call) repeatable(resp *http.Response, err error) bool {
	idempotent := c.idempotent || c.method == http.MethodGet || c.method == http.MethodHead || c.method == http.MethodDelete
	switch {
	case resp != nil && err != nil:
		return false // a redirect that was refused; nothing else gives both
	case err != nil:
		return notSent(err) || idempotent && !hopeless(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return idempotent && c.method != http.MethodPost
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return idempotent
	}
	return false
}

// untouched tells whether a try certainly did nothing: it was refused as one too many, or never sent.
func untouched(resp *http.Response, err error) bool {
	if err != nil {
		return notSent(err)
	}
	return resp.StatusCode == http.StatusTooManyRequests
}

// notSent recognises the errors that prove that no byte of the request was sent: there was no connection.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") && !hopeless(err)
}

// hopeless recognises the errors that another try would only repeat.
func hopeless(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		dns         *net.DNSError
	)
	return errors.As(err, &certificate) || errors.As(err, &notTLS) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &dns) && dns.IsNotFound
}
