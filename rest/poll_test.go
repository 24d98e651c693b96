package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// busy is a temporary error.
var busy = &rest.Error{Method: "GET", Path: "/v2/apps/a/", StatusCode: http.StatusServiceUnavailable}

// looks polls, and returns when each look was made, from the start. The test's look gets the number of the look, from
// 0.
func looks(ctx context.Context, interval time.Duration, look func(ctx context.Context, n int) (bool, error)) (made []time.Duration, err error) {
	began := time.Now()
	err = rest.Poll(ctx, interval, func(ctx context.Context) (bool, error) {
		made = append(made, time.Since(began))
		return look(ctx, len(made)-1)
	})
	return made, err
}

func TestAPollLooksEverySecondUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for interval, want := range map[time.Duration][]time.Duration{
			0:               {0, time.Second, 2 * time.Second},
			-1:              {0, time.Second, 2 * time.Second},
			1:               {0, 1, 2},
			7 * time.Second: {0, 7 * time.Second, 14 * time.Second},
		} {
			made, err := looks(t.Context(), interval, func(_ context.Context, n int) (bool, error) { return n == 2, nil })
			require.NoError(t, err)
			assert.Equal(t, want, made, interval)
		}
	})
}

func TestAPollThatTakesLongLooksLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := looks(t.Context(), time.Second, func(_ context.Context, n int) (bool, error) { return n == 60, nil })
		require.NoError(t, err)
		for i, at := range made[:60] {
			assert.Equal(t, min(max(time.Second, at/10), 5*time.Second), made[i+1]-at, "after %v", at)
		}
		assert.Greater(t, made[60], 2*time.Minute)
	})
}

func TestAPollGoesOnAfterATemporaryFailureAndObeysRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := looks(t.Context(), 2*time.Second, func(_ context.Context, n int) (bool, error) {
			switch n {
			case 0:
				return false, fmt.Errorf("deploy: %w", busy)
			case 1:
				return false, &rest.Error{StatusCode: http.StatusTooManyRequests, RetryAfter: 20 * time.Second}
			case 2:
				return false, &rest.Error{StatusCode: http.StatusTooManyRequests, RetryAfter: time.Second}
			}
			return true, nil
		})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 2 * time.Second, 22 * time.Second, 22*time.Second + 2200*time.Millisecond}, made)
	})
}

func TestAPollEndsWithTheFirstLookThatFailsForGood(t *testing.T) {
	for _, failure := range []error{errors.New("a pod crashed"), &rest.Error{StatusCode: http.StatusNotFound}, context.Canceled} {
		made, err := looks(t.Context(), time.Hour, func(context.Context, int) (bool, error) { return false, failure })
		assert.Equal(t, failure, err)
		assert.Len(t, made, 1)
	}
}

func TestAPollGivesUpWhenNoLookHasSucceededForFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := looks(t.Context(), time.Minute, func(context.Context, int) (bool, error) { return false, busy })
		assert.Equal(t, error(busy), err)
		assert.Equal(t, 5*time.Minute, made[len(made)-1], "no look is made after that")

		made, err = looks(t.Context(), time.Minute, func(_ context.Context, n int) (bool, error) {
			if n == 3 {
				return false, nil
			}
			return false, busy
		})
		assert.Equal(t, error(busy), err)
		assert.Equal(t, 8*time.Minute, made[len(made)-1], "a look that succeeds restarts the five minutes")
	})
}

func TestALookThatHangsCostsThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, err := looks(t.Context(), time.Second, func(ctx context.Context, n int) (bool, error) {
			if n == 0 {
				<-ctx.Done()
				return false, ctx.Err()
			}
			assert.NoError(t, ctx.Err(), "each look has its own bound")
			return true, nil
		})
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 33 * time.Second}, made)
	})
}

func TestAPollEndsWithItsContextAndSaysHowTheLastLookFailed(t *testing.T) {
	for _, c := range []struct {
		situation string
		look      error
		cause     error
		says      string
	}{
		{"looks that succeed", nil, nil, "context canceled"},
		{"a cause", nil, errors.New("another\ntask failed"), "context canceled: another task failed"},
		{"checks that fail", busy, nil, "context canceled: the last check failed: deis: GET /v2/apps/a/: 503 Service Unavailable"},
		{"both", busy, busy, "context canceled: deis: GET /v2/apps/a/: 503 Service Unavailable: the last check failed: deis: GET /v2/apps/a/: 503 Service Unavailable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(90*time.Second, func() { cancel(c.cause) })
			start := time.Now()
			_, err := looks(ctx, time.Minute, func(context.Context, int) (bool, error) { return false, c.look })
			require.ErrorIs(t, err, context.Canceled, c.situation)
			assert.NotErrorIs(t, err, rest.ErrUnavailable, c.situation)
			assert.EqualError(t, err, c.says, c.situation)
			assert.Equal(t, 90*time.Second, time.Since(start), "%s: the poll ends in the middle of a wait", c.situation)
		})
	}
}

func TestALookDuringWhichTheContextEndsIsTheLast(t *testing.T) {
	for _, c := range []struct {
		situation string
		done      bool
		err       error
		says      string
	}{
		{"done anyway", true, nil, ""},
		{"not done", false, nil, "context canceled"},
		{"failed for good", false, errors.New("a pod crashed"), "context canceled: the last check failed: a pod crashed"},
		{"failed with the context", false, fmt.Errorf("cut short: %w", context.Canceled), "context canceled"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		made, err := looks(ctx, time.Hour, func(context.Context, int) (bool, error) {
			cancel()
			return c.done, c.err
		})
		assert.Len(t, made, 1, c.situation)
		if c.says == "" {
			assert.NoError(t, err, c.situation)
			continue
		}
		assert.EqualError(t, err, c.says, c.situation)
		assert.ErrorIs(t, err, context.Canceled, c.situation)
	}
}
