// Package benchmarks compares the SDK with net/http by hand.
package benchmarks

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/config"
)

// Each benchmark does the same work twice: as "sdk", and as "nethttp", which is what a careful programmer writes by hand
// on net/http and encoding/json. docs/performance.md has the results.
//
// The Controller is a child process, so that only the client's allocations count. It is this test binary, started with
// benchServer in its environment.

const benchServer = "DEIS_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBenchmarks()
		return
	}
	os.Exit(m.Run())
}

const (
	benchToken    = "41364d6a5fc6a610da685fe29ac39532e49704c1"
	benchPageSize = 100
	benchSlow     = 20 * time.Millisecond // how long the slow list takes for a page
)

// A benchController has the addresses of the child process, and its certificate.
type benchController struct {
	HTTP, HTTPS string
	Certificate []byte
}

// list returns the URL of a Controller with the given number of apps.
func (c benchController) list(apps int) string { return fmt.Sprintf("%s/%d", c.HTTP, apps) }

// slowList is like list, with a pause before each page.
func (c benchController) slowList(apps int) string { return c.HTTP + "/slow/" + strconv.Itoa(apps) }

// transport makes the baseline's transport: Go's default, with room for the connections of 64 goroutines.
func (c benchController) transport(b *testing.B) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.TLSClientConfig = c.tls(b)
	b.Cleanup(transport.CloseIdleConnections)
	return transport
}

func (c benchController) tls(b *testing.B) *tls.Config {
	certificate, err := x509.ParseCertificate(c.Certificate)
	require.NoError(b, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &tls.Config{RootCAs: roots}
}

// startBenchServer starts the child process and warms it up. The process ends when its standard input does: with the
// benchmark, or when the parent is killed.
func startBenchServer(b *testing.B) (at benchController) {
	b.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), benchServer+"=1")
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	require.NoError(b, err)
	stdout, err := child.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, child.Start())
	b.Cleanup(func() {
		stdin.Close()
		child.Wait() //nolint:errcheck // its status does not matter
	})
	require.NoError(b, json.NewDecoder(stdout).Decode(&at))
	warm := newByHand(at.transport(b), at.HTTP)
	for range 500 {
		_, err := warm.get(b.Context())
		require.NoError(b, err)
	}
	return at
}

const (
	benchApp = `{"uuid":"de1bf5b5-4a72-4f94-a10c-d2a3741cdf75","id":"example-go","owner":"test","structure":{"web":2,"worker":1},` +
		`"created":"2016-02-09T20:03:19Z","updated":"2016-02-09T20:03:19Z"}`
	benchConfig = `{"uuid":"de1bf5b5-4a72-4f94-a10c-d2a3741cdf75","app":"example-go","owner":"test",` +
		`"values":{"DEBUG":"false","HELLO":"world","PLATFORM":"deis"},"memory":{"web":"512M"},"cpu":{},"tags":{},"healthcheck":{},"registry":{},` +
		`"created":"2016-02-09T20:03:19Z","updated":"2016-02-09T20:03:19Z"}`
)

// serveBenchmarks is the child process: a 2.2 Controller that does as little as it can.
func serveBenchmarks() {
	results := `,"previous":null,"results":[` + strings.Repeat(benchApp+",", benchPageSize-1) + benchApp + `]}`
	respond := func(w http.ResponseWriter, status int, parts ...string) {
		length := 0
		for _, part := range parts {
			length += len(part)
		}
		header := w.Header()
		header["Content-Type"] = []string{"application/json"}
		header["Deis_api_version"] = []string{"2.2"}
		header["Deis_platform_version"] = []string{"2.7.0"}
		header["Content-Length"] = []string{strconv.Itoa(length)}
		w.WriteHeader(status)
		for _, part := range parts {
			io.WriteString(w, part) //nolint:errcheck // the client notices
		}
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the client notices
		prefix, path, _ := strings.Cut(r.URL.Path, "/v2/")
		switch path {
		case "":
			respond(w, 401, `{"detail":"Authentication credentials were not provided."}`)
		case "apps/example-go/":
			respond(w, 200, benchApp)
		case "apps/example-go/config/":
			respond(w, 201, benchConfig)
		case "apps":
			count, slow := strings.CutPrefix(prefix, "/slow")
			if slow {
				time.Sleep(benchSlow)
			}
			count = strings.TrimPrefix(count, "/")
			total, _ := strconv.Atoi(count)
			offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
			next := "null"
			if offset += benchPageSize; offset < total {
				next = fmt.Sprintf(`"http://%s%s?limit=%d&offset=%d"`, r.Host, r.URL.Path, benchPageSize, offset)
			}
			respond(w, 200, `{"count":`, count, `,"next":`, next, results)
		default:
			respond(w, 404, `{"detail":"Not found."}`)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	err := json.NewEncoder(os.Stdout).Encode(benchController{plain.URL, secure.URL, secure.Certificate().Raw})
	if err == nil {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // an error is the end, too
	}
}

// A byHand client is the baseline: one function for a request, which decodes the response as it arrives.
type byHand struct {
	http *http.Client
	send func(*http.Request) (*http.Response, error)
	base string
}

func newByHand(transport http.RoundTripper, base string) *byHand {
	client := &http.Client{Transport: transport}
	return &byHand{http: client, send: client.Do, base: base + "/v2/"}
}

// retrying makes the client send through go-retryablehttp.
func (c *byHand) retrying() *byHand {
	retrying := retryablehttp.NewClient()
	retrying.HTTPClient, retrying.Logger = c.http, nil
	c.send = func(req *http.Request) (*http.Response, error) {
		return retrying.Do(&retryablehttp.Request{Request: req})
	}
	return c
}

func (c *byHand) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		sent, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(sent)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "token "+benchToken)
	req.Header.Set("Deis_api_version", "2.2")
	req.Header.Set("User-Agent", "baseline")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body) // to the end, or the connection is not reused
	return err
}

// The SDK's types with plain fields.
type (
	plainApp struct {
		ID        string         `json:"id"`
		Owner     string         `json:"owner"`
		URL       string         `json:"url"`
		Structure map[string]int `json:"structure"`
		UUID      string         `json:"uuid"`
		Created   time.Time      `json:"created"`
		Updated   time.Time      `json:"updated"`
	}
	plainPage struct {
		Count   int        `json:"count"`
		Next    string     `json:"next"`
		Results []plainApp `json:"results"`
	}
	plainConfig struct {
		App         string                        `json:"app"`
		Owner       string                        `json:"owner"`
		Values      map[string]string             `json:"values"`
		Memory      map[string]string             `json:"memory"`
		CPU         map[string]string             `json:"cpu"`
		Tags        map[string]string             `json:"tags"`
		Healthcheck map[string]config.Healthcheck `json:"healthcheck"`
		Registry    map[string]string             `json:"registry"`
		UUID        string                        `json:"uuid"`
		Created     time.Time                     `json:"created"`
		Updated     time.Time                     `json:"updated"`
	}
)

func (c *byHand) get(ctx context.Context) (*plainApp, error) {
	app := new(plainApp)
	return app, c.do(ctx, "GET", "apps/example-go/", nil, app)
}

func (c *byHand) all(ctx context.Context, each func(plainApp)) error {
	for query := fmt.Sprintf("limit=%[1]d&page_size=%[1]d", benchPageSize); query != ""; {
		var page plainPage
		if err := c.do(ctx, "GET", "apps?"+query, nil, &page); err != nil {
			return err
		}
		for _, app := range page.Results {
			each(app)
		}
		next, err := url.Parse(page.Next)
		if err != nil {
			return err
		}
		query = next.RawQuery
	}
	return nil
}

// newSDK makes a client that has negotiated the version.
func newSDK(b *testing.B, base string, opts ...deis.Option) *deis.Client {
	b.Helper()
	client, err := deis.New(base, append(opts, deis.WithToken(benchToken))...)
	require.NoError(b, err)
	_, err = client.Negotiate(b.Context())
	require.NoError(b, err)
	b.Cleanup(client.CloseIdleConnections)
	return client
}

// sides runs the sides of a benchmark in random order, because the order affects the results.
func sides(b *testing.B, all map[string]func(*testing.B)) {
	for name, side := range all { // in random order, as it is a map
		b.Run(name, side)
	}
}

// repeat measures calls of use, one after the other.
func repeat(b *testing.B, use func() error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := use(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	at := startBenchServer(b)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, at.HTTP)
			repeat(b, func() error { _, err := client.Apps.Get(b.Context(), "example-go"); return err })
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.HTTP)
			repeat(b, func() error { _, err := client.get(b.Context()); return err })
		},
		"retryablehttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.HTTP).retrying()
			repeat(b, func() error { _, err := client.get(b.Context()); return err })
		},
	})
}

// BenchmarkGetInMemory measures what the clients themselves do, without a network.
func BenchmarkGetInMemory(b *testing.B) {
	transport := inMemory(benchApp)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, "http://deis.example.com", deis.WithTransport(transport))
			repeat(b, func() error { _, err := client.Apps.Get(b.Context(), "example-go"); return err })
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(transport, "http://deis.example.com")
			repeat(b, func() error { _, err := client.get(b.Context()); return err })
		},
		"retryablehttp": func(b *testing.B) {
			client := newByHand(transport, "http://deis.example.com").retrying()
			repeat(b, func() error { _, err := client.get(b.Context()); return err })
		},
	})
}

// inMemory is a transport that responds to every request with one body.
type inMemory string

func (body inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode:    200,
		Header:        http.Header{"Deis_api_version": {"2.2"}},
		Body:          io.NopCloser(strings.NewReader(string(body))),
		ContentLength: int64(len(body)),
		Request:       req,
	}, nil
}

func BenchmarkGetTLS(b *testing.B) {
	at := startBenchServer(b)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, at.HTTPS, deis.WithTLSConfig(at.tls(b)))
			repeat(b, func() error { _, err := client.Apps.Get(b.Context(), "example-go"); return err })
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.HTTPS)
			repeat(b, func() error { _, err := client.get(b.Context()); return err })
		},
	})
}

func BenchmarkGetFrom64Goroutines(b *testing.B) {
	at := startBenchServer(b)
	parallel := func(b *testing.B, use func() error) {
		b.ReportAllocs()
		b.SetParallelism((64 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := use(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, at.HTTP)
			parallel(b, func() error { _, err := client.Apps.Get(b.Context(), "example-go"); return err })
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.HTTP)
			parallel(b, func() error { _, err := client.get(b.Context()); return err })
		},
	})
}

func BenchmarkPostConfig(b *testing.B) {
	at := startBenchServer(b)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, at.HTTP)
			repeat(b, func() error {
				_, err := client.Config.SetValues(b.Context(), "example-go", map[string]string{"HELLO": "world", "PLATFORM": "deis"})
				return err
			})
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.HTTP)
			repeat(b, func() error {
				changes := map[string]any{"values": map[string]string{"HELLO": "world", "PLATFORM": "deis"}}
				return client.do(b.Context(), "POST", "apps/example-go/config/", changes, new(plainConfig))
			})
		},
	})
}

func BenchmarkList100(b *testing.B) {
	at := startBenchServer(b)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, at.list(10_000))
			repeat(b, func() error {
				page, err := client.Apps.List(b.Context(), apps.ListOptions{PageSize: benchPageSize})
				if err == nil && len(page.Items) != benchPageSize {
					err = fmt.Errorf("%d apps", len(page.Items))
				}
				return err
			})
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), at.list(10_000))
			repeat(b, func() error {
				var page plainPage
				err := client.do(b.Context(), "GET", "apps?limit=100&page_size=100", nil, &page)
				if err == nil && len(page.Results) != benchPageSize {
					err = fmt.Errorf("%d apps", len(page.Results))
				}
				return err
			})
		},
	})
}

func BenchmarkAll10000(b *testing.B) {
	at := startBenchServer(b)
	benchmarkAll(b, at.list(10_000), at, 10_000, func(int) {})
}

func BenchmarkAllMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("takes a minute")
	}
	at := startBenchServer(b)
	benchmarkAll(b, at.list(1_000_000), at, 1_000_000, func(int) {})
}

// The consumer takes as long for a page as the server.
func BenchmarkAllFromASlowServer(b *testing.B) {
	at := startBenchServer(b)
	benchmarkAll(b, at.slowList(2500), at, 2500, func(i int) {
		if i%10 == 0 { // ten times for each page; shorter sleeps would be inexact
			time.Sleep(benchSlow / 10)
		}
	})
}

// benchmarkAll ranges over a list of total apps, and calls each with the number of every app, from 1. It reports the
// peak size of the heap, which must not grow with the list.
func benchmarkAll(b *testing.B, base string, at benchController, total int, each func(int)) {
	heap := uint64(0)
	take := func(n int) {
		if n%1000 == 0 {
			heap = max(heap, heapSize())
		}
		each(n)
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(heap)/1e6, "peak-MB")
		heap = 0
	}
	whole := func(n int) error {
		if n != total {
			return fmt.Errorf("%d apps", n)
		}
		return nil
	}
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			client := newSDK(b, base)
			defer report(b)
			repeat(b, func() error {
				n := 0
				for _, err := range client.Apps.All(b.Context(), apps.ListOptions{PageSize: benchPageSize}) {
					if err != nil {
						return err
					}
					n++
					take(n)
				}
				return whole(n)
			})
		},
		"nethttp": func(b *testing.B) {
			client := newByHand(at.transport(b), base)
			defer report(b)
			repeat(b, func() error {
				n := 0
				err := client.all(b.Context(), func(plainApp) { n++; take(n) })
				return cmp.Or(err, whole(n))
			})
		},
	})
}

// heapSize returns the size of all objects on the heap, including garbage.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// From New to the first response. The SDK sends the version probe first: one round trip more, on the same connection.
func BenchmarkColdStart(b *testing.B) {
	at := startBenchServer(b)
	sides(b, map[string]func(*testing.B){
		"sdk": func(b *testing.B) {
			repeat(b, func() error {
				client, err := deis.New(at.HTTP, deis.WithToken(benchToken))
				if err != nil {
					return err
				}
				defer client.CloseIdleConnections()
				_, err = client.Apps.Get(b.Context(), "example-go")
				return err
			})
		},
		"nethttp": func(b *testing.B) {
			repeat(b, func() error {
				transport := http.DefaultTransport.(*http.Transport).Clone()
				defer transport.CloseIdleConnections()
				_, err := newByHand(transport, at.HTTP).get(b.Context())
				return err
			})
		},
	})
}
