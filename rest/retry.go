package rest

import (
	"cmp"
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

// A RetryPolicy says how often and how patiently a call is retried. The zero value never retries.
//
// GET, HEAD, DELETE and calls with WithIdempotent are retried when the connection fails and on the statuses 408, 429, 502,
// 503, 504 and 520 to 524. Every other call is retried only on 429, and when no byte of it went out: no connection, no
// tunnel through a proxy or no TLS session could be made. A POST is never retried on 503: a scale that failed that way is
// stored, and real 2.2 Controllers respond to its repetition with a 204 that does nothing. Nothing is retried on 500, nor
// when a response is cut off after its header.
type RetryPolicy struct {
	Max int // how often at most, after the first attempt

	// A wait is a random time: the first between 0 and MinWait, each after that up to twice as much, never more than MaxWait. A
	// Retry-After header is obeyed instead, but no wait is shorter than MinWait then; if it asks for more than MaxWait, or for
	// more than the context's deadline leaves, the call returns its error at once. Zero means as in DefaultRetryPolicy.
	MinWait, MaxWait time.Duration

	// TryTimeout bounds one attempt of a GET, from the request to the end of the response; zero means a minute. Other
	// calls can take many minutes, and are bounded by their context alone.
	TryTimeout time.Duration
}

// DefaultRetryPolicy is the policy of a client that is given none.
var DefaultRetryPolicy = RetryPolicy{Max: 3, MinWait: 250 * time.Millisecond, MaxWait: 5 * time.Second, TryTimeout: time.Minute}

// Check returns what is wrong with the policy, or nil.
func (p RetryPolicy) Check() error {
	switch {
	case p.Max < 0:
		return InvalidArgument("RetryPolicy.Max", "must not be negative")
	case p.MinWait < 0 || p.MaxWait != 0 && p.MaxWait < p.MinWait:
		return InvalidArgument("RetryPolicy", "must have 0 <= MinWait <= MaxWait")
	case p.TryTimeout < 0:
		return InvalidArgument("RetryPolicy.TryTimeout", "must not be negative")
	}
	return nil
}

func (p RetryPolicy) tryTimeout() time.Duration {
	return cmp.Or(p.TryTimeout, DefaultRetryPolicy.TryTimeout)
}

// wait chooses how long to wait before attempt n+1 (n counts from 1): full jitter, or what the response asks for. The
// second result is false if that is too long.
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
			wait = max(asked, p.MinWait) // or a server could be asked again and again without a pause
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

// retry sends the request, again as far as the policy allows. The caller closes the response's body; there can be a response
// and an error, after a refused redirect.
func (c *call) retry() (*http.Response, error) {
	r := &c.retrying // one for each call, because chosenWait gets neither the request nor the context
	r.HTTPClient = c.client.http
	r.RetryMax = c.client.config.Retry.Max
	r.CheckRetry = again
	r.Backoff = chosenWait
	r.ErrorHandler = retryablehttp.PassthroughErrorHandler // its own drops the last response
	resp, err := r.Do(&c.request)
	c.response = resp
	return resp, err
}

// chosenWait is what again has chosen.
func chosenWait(chosen, _ time.Duration, _ int, _ *http.Response) time.Duration { return chosen }

// again decides after an attempt whether there is another.
func again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	return ctx.Value(callKey{}).(*call).again(ctx, resp, err), nil
}

// again decides after an attempt whether there is another, and when. It sees each response first.
func (c *call) again(ctx context.Context, resp *http.Response, err error) bool {
	c.attempts++
	if resp != nil {
		c.client.observe(resp.Header)
	}
	c.acted = c.acted || c.mayHaveActed(resp, err)
	if ctx.Err() != nil || c.attempts > c.client.config.Retry.Max || !c.repeatable(resp, err) {
		return false
	}
	wait, ok := c.client.config.Retry.wait(ctx, c.attempts, resp)
	if !ok {
		return false
	}
	c.retrying.RetryWaitMin = wait
	if resp != nil {
		c.lastTry = statusLine(resp.StatusCode)
	} else {
		c.lastTry = c.redactor().text(Sanitize(below(err).Error()))
	}
	c.logRetry(resp)
	return true
}

// mayHaveActed reports whether an attempt of a write may have been carried out.
func (c *call) mayHaveActed(resp *http.Response, err error) bool {
	switch {
	case !isWrite(c.method):
		return false
	case resp == nil:
		return !c.attempt.unsent(err)
	case resp.StatusCode == http.StatusTooManyRequests:
		return false
	}
	return resp.StatusCode >= 500 || c.sender(resp) == somebodyElse
}

// repeatable reports whether the outcome of an attempt allows another.
func (c *call) repeatable(resp *http.Response, err error) bool {
	idempotent := c.idempotent || c.method != http.MethodPost
	switch {
	case resp != nil && err != nil:
		return false // a redirect that was refused; nothing else gives both
	case err != nil:
		return (idempotent || c.attempt.unsent(err)) && !hopeless(err)
	case c.probe && c.sender(resp) == controller:
		return false // whatever else the response says, it names the version
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return idempotent && c.method != http.MethodPost
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusGatewayTimeout, 520, 521, 522, 523, 524:
		return idempotent
	}
	return false
}

// hopeless recognises the errors that another attempt would only repeat.
func hopeless(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		dns         *net.DNSError
	)
	return errors.As(err, &certificate) || errors.As(err, &notTLS) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &dns) && dns.IsNotFound
}
