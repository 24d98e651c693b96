package snapshot

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Burst is how many unused requests can be saved up, to be spent when somebody waits; see Urgent.
const Burst = 12

// A Budget limits the number of requests a second, from all callers. It counts in the transport, so it also counts
// retries, the pages of a list, and the version probe. It is safe for concurrent use.
type Budget struct {
	every time.Duration // from one request to the next

	mu   sync.Mutex
	next time.Time // when the next request may be made if none were saved
}

// NewBudget makes a budget of perSecond requests a second. It panics if that is not positive.
func NewBudget(perSecond float64) *Budget {
	if !(perSecond > 0) {
		panic("snapshot: a budget must be positive")
	}
	return &Budget{every: time.Duration(float64(time.Second) / perSecond)}
}

// Transport returns a transport that waits for the budget before each request. Give it to deis.New with
// deis.WithTransport.
func (b *Budget) Transport(base http.RoundTripper) http.RoundTripper { return budgeted{b, base} }

type budgeted struct {
	budget *Budget
	base   http.RoundTripper
}

func (t budgeted) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.budget.wait(r.Context()); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	return t.base.RoundTrip(r)
}

type urgentKey struct{}

// Urgent returns a context for requests that somebody waits for. They may use the budget's saved requests, at most Burst.
// Later requests wait longer to make up for these, so the average stays the same.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

// wait returns when the next request may be made. Requests take turns in the order of their arrival; an urgent one may go
// up to Burst turns early. So none starves.
func (b *Budget) wait(ctx context.Context) error {
	saved, jitter := time.Duration(0), rand.N(b.every/5+1)
	if ctx.Value(urgentKey{}) != nil {
		saved, jitter = Burst*b.every, 0
	}
	b.mu.Lock()
	now := time.Now()
	if b.next.Before(now) {
		b.next = now
	}
	pause := b.next.Sub(now) - saved + jitter
	b.next = b.next.Add(b.every)
	b.mu.Unlock()
	return sleep(ctx, pause)
}

// sleep waits, or returns the context's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
