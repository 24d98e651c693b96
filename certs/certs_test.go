package certs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/version"
)

func TestDetachNeverDestroysTheCertificate(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/certs/foo", "", 200, `{"domains": ["test.com"]}`),
		exchange.On("DELETE /v2/certs/foo/domain/test.com", "", 204, ""))
	require.NoError(t, client.Certs.Detach(t.Context(), "foo", "test.com"))
}

// Real Controllers detach a domain from whatever certificate it has.
func TestDetachSendsNothingIfTheCertificateDoesNotHaveTheDomain(t *testing.T) {
	for _, domains := range []string{`[]`, `["other.com"]`, `["www.test.com", "est.com"]`, `null`} {
		client := exchange.Client(t, "2.2", exchange.On("GET /v2/certs/foo", "", 200, `{"domains": `+domains+`}`))
		err := client.Certs.Detach(t.Context(), "foo", "test.com")
		require.EqualError(t, err, "deis: certificate foo is not attached to test.com, so nothing was detached: deis: not found", domains)
		assert.ErrorIs(t, err, deis.ErrNotFound)
	}
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/certs/foo", "", 404, `{"detail": "Not found."}`))
	require.ErrorIs(t, client.Certs.Detach(t.Context(), "foo", "test.com"), deis.ErrNotFound)
}

// Real Controllers keep the case of a domain, and compare it exactly.
func TestDetachSendsTheDomainAsTheControllerSpellsIt(t *testing.T) {
	for _, c := range []struct{ given, listed, sent string }{
		{"test.com", `["a.com", "Test.COM"]`, "Test.COM"},
		{"TEST.com.", `["test.com"]`, "test.com"},
		{"test.com", `["TEST.com", "test.com"]`, "test.com"},
	} {
		client := exchange.Client(t, "2.3",
			exchange.On("GET /v2/certs/foo", "", 200, `{"domains": `+c.listed+`}`),
			exchange.On("DELETE /v2/certs/foo/domain/"+c.sent, "", 204, ""))
		require.NoError(t, client.Certs.Detach(t.Context(), "foo", c.given))
	}
}

func TestA503OfDetachIsASuccessIfTheDomainIsDetached(t *testing.T) {
	const detail = `{"detail": "Could not delete certificate secret foo-cert for application example-go"}`
	for situation, c := range map[string]struct {
		status   int
		now      string
		detached bool
	}{
		"detached":                    {200, `{"domains": ["other.com"]}`, true},
		"detached, and the last one":  {200, `{"domains": []}`, true},
		"not detached":                {200, `{"domains": ["test.com"]}`, false},
		"the certificate is not read": {500, `{"detail": "Server Error"}`, false},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "2.2",
				exchange.On("GET /v2/certs/foo", "", 200, `{"domains": ["test.com"]}`),
				exchange.On("DELETE /v2/certs/foo/domain/test.com", "", 503, detail),
				exchange.On("GET /v2/certs/foo", "", c.status, c.now))
			client, err := client.With(deis.WithRetry(deis.RetryPolicy{Max: 3, MinWait: 1, MaxWait: 1}))
			require.NoError(t, err)
			var resp deis.Response
			err = client.Certs.Detach(t.Context(), "foo", "test.com", deis.WithResponse(&resp))
			if c.detached {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, deis.ErrUnavailable)
				require.ErrorContains(t, err, "DELETE /v2/certs/foo/domain/test.com: 503 ")
			}
			assert.Equal(t, 503, resp.Status)
			assert.Equal(t, 1, resp.Attempts, "it is not repeated")
		})
	}
}

func TestDetachLeavesOtherCertificatesAlone(t *testing.T) {
	certificate, key := selfSigned("www.example.com")
	for _, api := range []version.API{version.V2_2, version.V2_3} {
		controller := deistest.New(deistest.WithAPIVersion(api))
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
		require.NoError(t, err)
		_, err = client.Domains.Create(t.Context(), "example-go", "www.example.com")
		require.NoError(t, err)
		for _, name := range []string{"production", "staging"} {
			_, err = client.Certs.Create(t.Context(), certs.CreateParams{Name: name, Certificate: certificate, Key: key})
			require.NoError(t, err)
		}
		require.NoError(t, client.Certs.Attach(t.Context(), "production", "www.example.com"))
		require.ErrorIs(t, client.Certs.Detach(t.Context(), "staging", "www.example.com"), deis.ErrNotFound)
		production, err := client.Certs.Get(t.Context(), "production")
		require.NoError(t, err)
		require.Equal(t, []string{"www.example.com"}, production.Domains)

		controller.AddFault(deistest.Fault{Method: "DELETE", Status: 503, Body: `{"detail": "Kubernetes is down"}`, After: true})
		require.NoError(t, client.Certs.Detach(t.Context(), "production", "www.example.com"))
		production, err = client.Certs.Get(t.Context(), "production")
		require.NoError(t, err)
		assert.Empty(t, production.Domains)
	}
}

func TestWildcardsAreNotEscapedInPaths(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/certs/*.example.com", "", 200, `{"name": "*.example.com"}`),
		exchange.On("GET /v2/certs/foo", "", 200, `{"domains": ["*.example.com"]}`),
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
		client := exchange.Client(t, api,
			exchange.On("GET /v2/certs/foo", "", 200, `{"domains": ["test.com"]}`),
			exchange.On("DELETE /v2/certs/foo/domain/test.com", "", 204, ""))
		require.NoError(t, client.Certs.Detach(t.Context(), "foo", "test.com"))
	}
}
