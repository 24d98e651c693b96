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

// A RetryPolicy says how often, and after what delays, calls are retried. The zero value never retries.
//
// GET, HEAD, DELETE and calls with WithIdempotent are retried when the connection fails and on the statuses 408, 429,
// 502, 503, 504 and 520 to 524. Every other call is retried only on 429, and when no byte of it was sent: no
// connection, no tunnel through a proxy or no TLS session could be made. A POST is never retried on 503: a scale that
// failed with it is stored, and real 2.2 Controllers respond to its repetition with a 204 and do nothing. Nothing is
// retried on 500, when a response is cut off after its header, or on an error that would only repeat itself, such as a
// certificate that is not trusted.
type RetryPolicy struct {
	Max int // the most retries after the first attempt

	// Waits are random: the first is up to MinWait, each after that up to twice as long, but never longer than MaxWait.
	// A Retry-After header is obeyed instead, with at least MinWait; if it asks for more than MaxWait, or for more than
	// the context's deadline leaves, the call returns its error at once. Zero means as in DefaultRetryPolicy.
	MinWait, MaxWait time.Duration

	// TryTimeout bounds one attempt of a GET, from the request to the end of the response; zero means a minute. Other
	// calls can take many minutes, and are bounded only by their context.
	TryTimeout time.Duration
}

// DefaultRetryPolicy is the policy of a client that sets none.
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

func (p RetryPolicy) attemptTimeout() time.Duration {
	return cmp.Or(p.TryTimeout, DefaultRetryPolicy.TryTimeout)
}

// wait chooses the wait after attempt n, counted from 1: full jitter, or what the response asks for. The second result
// is false if that is too long.
func (p RetryPolicy) wait(ctx context.Context, n int, resp *http.Response) (time.Duration, bool) {
	// Without these, retries to a server that is down would follow each other without a pause.
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
			wait = max(asked, p.MinWait) // for the same reason
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

// retry sends the request, with retries if the policy allows them. The caller closes the response's body. After a
// refused redirect it returns both a response and an error.
func (c *call) retry() (*http.Response, error) {
	r := &c.retrying // a separate one for each call, because chosenWait gets neither the request nor the context
	r.HTTPClient = c.client.http
	r.RetryMax = c.client.config.Retry.Max
	r.CheckRetry = checkRetry
	r.Backoff = chosenWait
	r.ErrorHandler = retryablehttp.PassthroughErrorHandler // the default drops the last response
	resp, err := r.Do(&c.request)
	c.response = resp
	return resp, err
}

// chosenWait returns the wait that shouldRetry has chosen.
func chosenWait(chosen, _ time.Duration, _ int, _ *http.Response) time.Duration { return chosen }

// checkRetry decides after an attempt of a call whether there is another.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	return ctx.Value(callKey{}).(*call).shouldRetry(ctx, resp, err), nil
}

// shouldRetry decides after an attempt whether there is another, and when. It is the first to see each response.
func (c *call) shouldRetry(ctx context.Context, resp *http.Response, err error) bool {
	c.attempts++
	if resp != nil {
		c.client.observe(resp.Header)
	}
	c.acted = c.acted || c.mayHaveActed(resp, err)
	if ctx.Err() != nil || c.attempts > c.client.config.Retry.Max || !c.isRetryable(resp, err) {
		return false
	}
	wait, ok := c.client.config.Retry.wait(ctx, c.attempts, resp)
	if !ok {
		return false
	}
	c.retrying.RetryWaitMin = wait
	if resp != nil {
		c.lastFailure = statusLine(resp.StatusCode)
	} else {
		c.lastFailure = c.redactor().text(Sanitize(withoutURL(err).Error()))
	}
	c.logRetry(resp)
	return true
}

// mayHaveActed reports whether an attempt may have carried out a write.
func (c *call) mayHaveActed(resp *http.Response, err error) bool {
	switch {
	case !isWrite(c.method):
		return false
	case resp == nil:
		return !c.tracker.isUnsent(err)
	case resp.StatusCode == http.StatusTooManyRequests:
		return false
	}
	return resp.StatusCode >= 500 || c.sender(resp) == somebodyElse
}

// isRetryable reports whether the outcome of an attempt allows another.
func (c *call) isRetryable(resp *http.Response, err error) bool {
	idempotent := c.idempotent || c.method != http.MethodPost
	switch {
	case resp != nil && err != nil:
		return false // a redirect was refused; nothing else returns both
	case err != nil:
		return (idempotent || c.tracker.isUnsent(err)) && !isPermanent(err)
	case c.probe && c.sender(resp) == controller:
		return false // the response names the version, whatever its status is
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

// isPermanent recognizes errors that another attempt would only repeat.
func isPermanent(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		dns         *net.DNSError
	)
	return errors.As(err, &certificate) || errors.As(err, &notTLS) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &dns) && dns.IsNotFound
}
