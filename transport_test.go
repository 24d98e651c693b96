package deis

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionsAreKeptButNotUntilABalancerClosesThem(t *testing.T) {
	own, ok := newTransport(false).(*http.Transport)
	require.True(t, ok)
	assert.Positive(t, own.IdleConnTimeout)
	assert.Less(t, own.IdleConnTimeout, time.Minute)
	assert.GreaterOrEqual(t, own.MaxIdleConnsPerHost, 64)
	assert.False(t, own.DisableKeepAlives)
	assert.NotSame(t, http.DefaultTransport, own, "the program's own is left alone")
}
