package certs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/internal/exchange"
)

func TestDetachNeverDestroysTheCertificate(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("DELETE /v2/certs/foo/domain/test.com", "", 204, ""))
	require.NoError(t, client.Certs.Detach(t.Context(), "foo", "test.com"))
}

func TestWildcardsAreNotEscapedInPaths(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/certs/*.example.com", "", 200, `{"name": "*.example.com"}`),
		exchange.On("DELETE /v2/certs/foo/domain/*.example.com", "", 204, ""),
	)
	_, err := client.Certs.Get(t.Context(), "*.example.com")
	require.NoError(t, err)
	require.NoError(t, client.Certs.Detach(t.Context(), "foo", "*.example.com"))
}

func TestANameIsSentAsTheCommonNameInV16(t *testing.T) {
	for situation, c := range map[string]struct{ api, name, body string }{
		"v1.6, named":   {"1.6", "test.example.com", `{"common_name": "test.example.com", "certificate": "CERT", "key": "KEY"}`},
		"v1.6, unnamed": {"1.6", "", `{"certificate": "CERT", "key": "KEY"}`},
		"2.2":           {"2.2", "foo", `{"name": "foo", "certificate": "CERT", "key": "KEY"}`},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, c.api, exchange.On("POST /v"+c.api[:1]+"/certs/", c.body, 201, `{"common_name": "test.example.com"}`))
			_, err := client.Certs.Create(t.Context(), certs.CreateParams{Name: c.name, Certificate: "CERT", Key: "KEY"})
			require.NoError(t, err)
		})
	}
}

func TestANameIsRequiredIn2x(t *testing.T) {
	_, err := exchange.Client(t, "2.2").Certs.Create(t.Context(), certs.CreateParams{Certificate: "CERT", Key: "KEY"})
	require.ErrorIs(t, err, deis.ErrInvalidArgument)
	assert.ErrorContains(t, err, "invalid argument: certificate name ")
}

func TestAPrivateKeyInTheCertificateIsNotSent(t *testing.T) {
	const certificate, key = "-----BEGIN CERTIFICATE-----\ncanary\n", "-----BEGIN EC PRIVATE KEY-----\ncanary\n"
	for _, pem := range []string{key, certificate + key, key + certificate} {
		_, err := exchange.Client(t, "2.2").Certs.Create(t.Context(), certs.CreateParams{Name: "foo", Certificate: pem, Key: key})
		require.ErrorIs(t, err, deis.ErrInvalidArgument)
		assert.EqualError(t, err, "deis: invalid argument: certificate must not have a private key in it: put that into Key")
	}
}

func TestCertsOfAllVersionsAreRead(t *testing.T) {
	at := func(year int) deis.Time { return deis.Time{Time: time.Date(year, 11, 21, 20, 59, 35, 0, time.UTC)} }
	for situation, c := range map[string]struct {
		api, response string
		want          certs.Cert
	}{
		"v1.6, new: its expiry has no zone": {
			"1.6", `{"id": 2, "owner": "alice", "expires": "2027-11-21T20:59:35", "created": "2026-11-21T20:59:35UTC", "common_name": "named.example.com"}`,
			certs.Cert{ID: 2, Owner: "alice", Name: "named.example.com", CommonName: "named.example.com", Expires: at(2027), Created: at(2026)},
		},
		"2.2, new: its fingerprint is a bytes literal": {
			"2.2", `{"name": "foo", "common_name": "bar.com", "fingerprint": "b'EC:7B'", "san": null, "domains": []}`,
			certs.Cert{Name: "foo", CommonName: "bar.com", Fingerprint: "EC:7B", Domains: []string{}},
		},
		"2.2, read again": {
			"2.2", `{"name": "foo", "common_name": "bar.com", "fingerprint": "EC:7B", "san": ["bar.com"], "domains": ["test.com"], "starts": "2026-11-21T20:59:35Z"}`,
			certs.Cert{Name: "foo", CommonName: "bar.com", Fingerprint: "EC:7B", SAN: []string{"bar.com"}, Domains: []string{"test.com"}, Starts: at(2026)},
		},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, c.api, exchange.On("GET /v"+c.api[:1]+"/certs/"+c.want.Name, "", 200, c.response))
			got, err := client.Certs.Get(t.Context(), c.want.Name)
			require.NoError(t, err)
			assert.Equal(t, c.want, *got)
		})
	}
}

func TestDetachSendsNoTrailingSlash(t *testing.T) { // since Workflow v2.7 the path with a slash is 404
	for _, api := range []string{"2.0", "2.2", "2.3"} {
		client := exchange.Client(t, api, exchange.On("DELETE /v2/certs/foo/domain/test.com", "", 204, ""))
		require.NoError(t, client.Certs.Detach(t.Context(), "foo", "test.com"))
	}
}
