package rest

import (
	"context"
	"sync"
)

// turns makes calls wait for each other: the writes to one app, and the calls that need the version probe.
type turns struct {
	mu   sync.Mutex
	open map[string]*turn
}

type turn struct {
	free  chan struct{} // has one element while nobody has the turn
	users int           // the number of calls that have the turn or wait for it
}

// begin waits for the turn with the given name, or for the context to end. The caller must call done. An empty name
// needs no turn.
func (t *turns) begin(ctx context.Context, name string) (done func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	t.mu.Lock()
	own := t.open[name]
	if own == nil {
		own = &turn{free: make(chan struct{}, 1)}
		own.free <- struct{}{}
		if t.open == nil {
			t.open = make(map[string]*turn)
		}
		t.open[name] = own
	}
	own.users++
	t.mu.Unlock()

	select {
	case <-own.free:
		return func() {
			own.free <- struct{}{}
			t.leave(name, own)
		}, nil
	case <-ctx.Done():
		t.leave(name, own)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(name string, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.open, name)
	}
}
