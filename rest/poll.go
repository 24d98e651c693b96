package rest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	lookTimeout = 30 * time.Second // bounds one check, and with it the cost of a dead connection
	longestPoll = 5 * time.Second  // the longest pause between two checks, unless a response asks for more
	patience    = 5 * time.Minute  // while all checks fail; a Controller that restarts is back by then
)

// Poll calls look until it reports that it is done or fails for good. Everything in this SDK that waits uses Poll. An
// interval of 0 is a second. Each check, one call of look, gets a context that ends after 30 seconds. The pause between
// two checks grows with the time waited, from the interval to 5 seconds. A check that fails temporarily (see
// Error.Temporary) is repeated, after the wait that Retry-After asks for. Poll gives up when no check has succeeded for
// five minutes, or at once if Retry-After asks for a longer wait than that.
//
// When ctx ends, the error matches ctx.Err() and nothing else. It says how the last check failed, if it did.
func Poll(ctx context.Context, interval time.Duration, look func(context.Context) (done bool, err error)) error {
	if interval <= 0 {
		interval = time.Second
	}
	began, succeeded := time.Now(), time.Now()
	for {
		bounded, cancel := WithTimeout(ctx, lookTimeout)
		done, err := look(bounded)
		ownBound := bounded.Err() != nil && ctx.Err() == nil
		cancel()
		wait := min(max(interval, time.Since(began)/10), max(interval, longestPoll))
		var failed *Error
		switch {
		case ctx.Err() != nil && err != nil:
			return contextError(ctx, err)
		case err == nil && done:
			return nil
		case err == nil:
			succeeded = time.Now()
		case time.Since(succeeded) > patience:
			return err
		case ownBound:
		case errors.As(err, &failed) && failed.Temporary():
			if wait = max(wait, failed.RetryAfter); time.Since(succeeded)+wait > patience {
				return err
			}
		default:
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return contextError(ctx, err)
		}
	}
}

// contextError makes the error of a wait that its context ended.
func contextError(ctx context.Context, last error) error {
	err := ctx.Err()
	if why := context.Cause(ctx); why != err {
		err = fmt.Errorf("%w: %s", err, Sanitize(why.Error()))
	}
	if last != nil && !errors.Is(last, ctx.Err()) {
		err = fmt.Errorf("%w: the last check failed: %s", err, Sanitize(last.Error()))
	}
	return err
}

// WithTimeout returns a context that ends after the given time, for code that waits: a call that ends because of it
// fails with "no response within 30s". The error is temporary, and does not match context.DeadlineExceeded, because the
// caller's own context has not ended.
func WithTimeout(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, after, noResponse(after))
}

// noResponse is the time within which there was no response.
type noResponse time.Duration

func (n noResponse) Error() string { return fmt.Sprintf("no response within %v", time.Duration(n)) }
