package rest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A dump shows each exchange as it went over the wire, one after the other: the request behind >, the response behind <.
// Secrets are redacted. It is for the eyes of a person who looks for a fault.

// dump makes one attempt, and writes it to the dump if there is one.
func (c *call) dump(req *http.Request, below http.RoundTripper) (*http.Response, error) {
	if c.client.config.Dump == nil {
		return below.RoundTrip(req)
	}
	d := &dumped{call: c, redactor: c.redactor()}
	fmt.Fprintf(&d.text, "> %s %s\n", req.Method, req.URL)
	d.head('>', req.Header)
	d.body('>', c.sent)
	resp, err := below.RoundTrip(req)
	if err != nil {
		fmt.Fprintf(&d.text, "< no response: %s\n", Sanitize(err.Error()))
		d.flush()
		return resp, err
	}
	fmt.Fprintf(&d.text, "< %s\n", Sanitize(resp.Status))
	d.head('<', resp.Header)
	d.ReadCloser, resp.Body = resp.Body, d
	return resp, nil
}

// dumped is the body of a response whose exchange is dumped when it is closed.
type dumped struct {
	io.ReadCloser
	call     *call
	redactor redactor
	text     bytes.Buffer
	came     []byte // the first 64 KiB of the body
	over     bool
}

func (d *dumped) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	d.came = append(d.came, p[:min(n, maxErrorBody-len(d.came))]...)
	return n, err
}

func (d *dumped) Close() error {
	if !d.over {
		d.over = true
		if d.call.secretResponse && len(d.came) > 0 {
			d.came = []byte(redacted)
		}
		d.body('<', d.came)
		d.flush()
	}
	return d.ReadCloser.Close()
}

func (d *dumped) head(mark byte, header http.Header) {
	for _, key := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[key] {
			switch key {
			case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie": // whatever stands in there
				value = redacted
			}
			fmt.Fprintf(&d.text, "%c %s: %s\n", mark, key, Sanitize(d.redactor.text(value)))
		}
	}
}

func (d *dumped) body(mark byte, body []byte) {
	if len(body) == 0 {
		return
	}
	fmt.Fprintf(&d.text, "%c\n", mark)
	text := d.redactor.text(string(body)) // before it falls into lines, as a private key does
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		fmt.Fprintf(&d.text, "%c %s\n", mark, Sanitize(line))
	}
}

// flush writes the exchange at once, so that those of concurrent calls do not mix.
func (d *dumped) flush() {
	io.WriteString(d.call.client.config.Dump, d.redactor.text(d.text.String())+"\n") //nolint:errcheck // a dump that cannot be written harms no call
}
