package rest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// impatient allows each attempt of a GET a second.
func impatient(c *rest.Config) {
	c.Retry = rest.RetryPolicy{Max: 1, MinWait: 1, MaxWait: 1, TryTimeout: time.Second}
}

func TestAGetThatHangsIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return response(200, "{}"), nil
		}), impatient)
		start := time.Now()
		require.NoError(t, get(t.Context(), client))
		assert.Equal(t, 2, requests)
		assert.InDelta(t, time.Second, time.Since(start), 1)
	})
}

func TestAGetWhoseAttemptsAllHangSaysHowLongTheyTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}), impatient)
		err := get(t.Context(), client)
		require.EqualError(t, err, "deis: GET /v2/apps/: no response within 1s: 2 attempts")
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's context has not ended")

		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		assert.EqualError(t, get(ctx, client), "deis: GET /v2/apps/: context deadline exceeded")
	})
}

func TestAResponseThatHangsIsCutOffAndItsBodyClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := 0
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			resp := response(200, "")
			hangs := reader(func([]byte) (int, error) {
				<-req.Context().Done()
				return 0, req.Context().Err()
			})
			resp.Body = &closer{Reader: io.MultiReader(strings.NewReader(`{"id":`), hangs), closed: func() { closed++ }}
			return resp, nil
		}), impatient)
		start := time.Now()
		err := get(t.Context(), client)
		require.EqualError(t, err, "deis: GET /v2/apps/: 200 OK: the response was cut off: no response within 1s")
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 1, closed)
	})
}

func TestACompleteResponseIsASuccessHoweverLateItsEndIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			resp := response(200, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":"a"}`), reader(func([]byte) (int, error) {
				time.Sleep(2 * time.Second)
				return 0, io.EOF
			})))
			return resp, nil
		}), impatient)
		require.NoError(t, get(t.Context(), client))
	})
}

func TestAWriteCanTakeAsLongAsItsContextAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(20 * time.Minute):
				return response(204, ""), nil
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		}), impatient)
		require.NoError(t, rest.Delete(t.Context(), client, rest.Path("apps", "a")))
		_, err := rest.Post[struct{}](t.Context(), client, rest.Path("apps", "a", "run"), nil)
		require.NoError(t, err)
	})
}

func TestAnErrorOfAnUnknownSenderIsTakenForTheControllers(t *testing.T) {
	err := get(t.Context(), newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return httpmock.NewStringResponse(404, `{"detail":"Not found."}`), nil
	})))
	require.ErrorIs(t, err, rest.ErrNotFound)
	assert.NotErrorIs(t, err, rest.ErrNotController)

	err = get(t.Context(), newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(200, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), reader(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF })))
		return resp, nil
	})))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotErrorIs(t, err, rest.ErrNotController, "a response that is cut off does not show its sender")
}
