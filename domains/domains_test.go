package domains_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/exchange"
)

func TestWildcardAndInternationalNamesAreCreatedAndDeleted(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("POST /v2/apps/example-go/domains/", `{"domain": "*.example.com"}`, 201, `{"domain": "*.example.com"}`),
		exchange.On("POST /v2/apps/example-go/domains/", `{"domain": "тест.example.com"}`, 201, `{"domain": "xn--e1aybc.example.com"}`),
		exchange.On("DELETE /v2/apps/example-go/domains/*.example.com", "", 204, ""),
		exchange.On("DELETE /v2/apps/example-go/domains/xn--e1aybc.example.com", "", 204, ""),
	)
	_, err := client.Domains.Create(t.Context(), "example-go", "*.example.com")
	require.NoError(t, err)
	domain, err := client.Domains.Create(t.Context(), "example-go", "тест.example.com")
	require.NoError(t, err)
	assert.Equal(t, "xn--e1aybc.example.com", domain.Domain)
	require.NoError(t, client.Domains.Delete(t.Context(), "example-go", "*.example.com"))
	require.NoError(t, client.Domains.Delete(t.Context(), "example-go", domain.Domain))
	require.ErrorContains(t, client.Domains.Delete(t.Context(), "example-go", "тест.example.com"), `write an international name as "xn--…"`)
}
