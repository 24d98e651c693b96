package users_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
)

func TestThePathHasASlashInV1Only(t *testing.T) {
	for situation, c := range map[string]struct {
		api       string
		exchanges []exchange.Exchange
	}{
		"1.6": {"1.6", []exchange.Exchange{
			exchange.On("GET /v1/users/?page_size=1", "", 200,
				`{"count": 2, "next": "http://deis.example.com/v1/users/?page=2&page_size=1", "results": [{"username": "test"}]}`),
			exchange.On("GET /v1/users/?page=2&page_size=1", "", 200, `{"count": 2, "next": null, "results": [{"username": "foo"}]}`),
		}},
		"2.2": {"2.2", []exchange.Exchange{
			exchange.On("GET /v2/users?limit=1&page_size=1", "", 200,
				`{"count": 2, "next": "http://deis.example.com/v2/users?limit=1&offset=1", "results": [{"username": "test"}]}`),
			exchange.On("GET /v2/users?limit=1&offset=1", "", 200, `{"count": 2, "next": null, "results": [{"username": "foo"}]}`),
		}},
	} {
		t.Run(situation, func(t *testing.T) {
			var names []string
			for user, err := range exchange.Client(t, c.api, c.exchanges...).Users.All(t.Context(), deis.ListOptions{PageSize: 1}) {
				require.NoError(t, err)
				names = append(names, user.Username)
			}
			assert.Equal(t, []string{"test", "foo"}, names)
		})
	}
}

func TestAllSendsNothingUntilItIsRangedOver(t *testing.T) {
	exchange.Client(t, "2.2").Users.All(t.Context(), deis.ListOptions{})
}
