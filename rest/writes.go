package rest

import (
	"context"
	"sync"
)

// writes lets the writes to one app follow each other. Two config changes at the same time lose values on real
// Controllers of both versions, or end in a 500.
type writes struct {
	mu   sync.Mutex
	apps map[string]*turn
}

type turn struct {
	free  chan struct{} // holds one token while nobody writes
	users int           // who has the turn or waits for it
}

// begin waits for the app's turn, or for the context to end. The caller must call done. No app at all means no wait.
func (w *writes) begin(ctx context.Context, app string) (done func(), err error) {
	if app == "" {
		return func() {}, nil
	}
	w.mu.Lock()
	t := w.apps[app]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		if w.apps == nil {
			w.apps = make(map[string]*turn)
		}
		w.apps[app] = t
	}
	t.users++
	w.mu.Unlock()

	select {
	case <-t.free:
		return func() {
			t.free <- struct{}{}
			w.leave(app, t)
		}, nil
	case <-ctx.Done():
		w.leave(app, t)
		return nil, ctx.Err()
	}
}

func (w *writes) leave(app string, t *turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(w.apps, app)
	}
}
