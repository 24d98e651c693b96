package deistest

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A cert is a TLS certificate. Its common name identifies it in API 1.6, its name in API 2.x.
type cert struct {
	id               int
	name, commonName string
	owner            *user
	created          time.Time
	x509             *x509.Certificate
}

// certJSON1 is a certificate in API 1.6.
type certJSON1 struct {
	ID         int    `json:"id"`
	Owner      string `json:"owner"`
	Expires    string `json:"expires"`
	Created    string `json:"created"`
	Updated    string `json:"updated"`
	CommonName string `json:"common_name"`
}

// certJSON2 is a certificate in API 2.x.
type certJSON2 struct {
	ID          int      `json:"id"`
	Owner       string   `json:"owner"`
	SAN         []string `json:"san"`
	Domains     []string `json:"domains"`
	Created     string   `json:"created"`
	Updated     string   `json:"updated"`
	Name        string   `json:"name"`
	CommonName  *string  `json:"common_name"` // null if the certificate has none, from API 2.3 on
	Fingerprint string   `json:"fingerprint"`
	Expires     string   `json:"expires"`
	Starts      string   `json:"starts"`
	Issuer      string   `json:"issuer"`
	Subject     string   `json:"subject"`
}

func (q *request) certJSON1(ct *cert) certJSON1 {
	return certJSON1{
		ID: ct.id, Owner: ct.owner.username, Expires: q.stamp(ct.x509.NotAfter),
		Created: q.stamp(ct.created), Updated: q.stamp(ct.created), CommonName: ct.commonName,
	}
}

func (q *request) certJSON2(ct *cert) certJSON2 {
	domains := []string{}
	for _, d := range q.domainsWhere(func(d *domain) bool { return d.cert == ct }) {
		domains = append(domains, d.name)
	}
	return certJSON2{
		ID: ct.id, Owner: ct.owner.username, SAN: append([]string{}, ct.x509.DNSNames...), Domains: domains,
		Created: q.stamp(ct.created), Updated: q.stamp(ct.created), Name: ct.name, CommonName: orNull(ct.commonName),
		Fingerprint: ct.fingerprint(), Expires: q.stamp(ct.x509.NotAfter), Starts: q.stamp(ct.x509.NotBefore),
		Issuer: slashed(ct.x509.RawIssuer), Subject: slashed(ct.x509.RawSubject),
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (q *request) certJSON(ct *cert) any {
	if q.v2() {
		return q.certJSON2(ct)
	}
	return q.certJSON1(ct)
}

// fingerprint returns the SHA-256 of a certificate, "7A:CA:…".
func (ct *cert) fingerprint() string {
	sum := sha256.Sum256(ct.x509.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// slashed formats a distinguished name as OpenSSL does, "/C=US/ST=CA/CN=bar.com".
func slashed(raw []byte) string {
	short := map[string]string{
		"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU",
		"1.2.840.113549.1.9.1": "emailAddress",
	}
	var names pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &names); err != nil {
		return ""
	}
	var b strings.Builder
	for _, set := range names {
		for _, name := range set {
			oid := name.Type.String()
			fmt.Fprintf(&b, "/%s=%v", cmp.Or(short[oid], oid), name.Value)
		}
	}
	return b.String()
}

// myCerts returns the user's own certificates. Nobody sees those of others, not even administrators.
func (q *request) myCerts() []*cert {
	var list []*cert
	for _, ct := range q.certs {
		if ct.owner == q.user {
			list = append(list, ct)
		}
	}
	return list
}

// myCert returns the certificate that the path names.
func (q *request) myCert() (*cert, *response) {
	for _, ct := range q.myCerts() {
		if q.v2() && ct.name == q.vars["cert"] || !q.v2() && ct.commonName == q.vars["cert"] {
			return ct, nil
		}
	}
	if q.v2() {
		return nil, q.notFound("Certificate")
	}
	return nil, q.crash()
}

func listCerts(q *request) *response {
	list := q.myCerts()
	if q.v2() {
		slices.SortFunc(list, func(a, b *cert) int { return cmp.Compare(a.name, b.name) })
	}
	return page(q, list, q.certJSON)
}

func getCert(q *request) *response {
	ct, stop := q.myCert()
	if stop != nil {
		return stop
	}
	return ok(q.certJSON(ct))
}

func deleteCert(q *request) *response {
	ct, stop := q.myCert()
	if stop != nil {
		return stop
	}
	q.certs = slices.DeleteFunc(q.certs, func(other *cert) bool { return other == ct })
	for _, d := range q.domains {
		if d.cert == ct {
			d.cert = nil
		}
	}
	return empty(http.StatusNoContent)
}

func createCert(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	ct := &cert{id: q.certIDs + 1, owner: q.user, created: now()}
	if q.v2() {
		ct.name = s.text("name", certNameField)
	} else {
		ct.commonName = s.text("common_name", commonNameField)
	}
	source := s.text("certificate", certificateField)
	s.text("key", privateKeyField)
	if stop := s.refusal(); stop != nil {
		return stop
	}
	ct.x509, _ = q.parseCert(source)
	if ct.commonName == "" {
		ct.commonName = ct.x509.Subject.CommonName
		if ct.commonName == "" && !q.v23() || !q.v2() && commonNameTaken(q.Controller, ct.commonName) {
			q.certIDs++
			return q.crash() // the database refuses it, but the id is used up
		}
	}
	q.certs, q.certIDs = append(q.certs, ct), ct.id
	if q.v2() {
		j := q.certJSON2(ct)
		if q.late23() {
			return created(j)
		}
		j.Fingerprint = "b'" + j.Fingerprint + "'" // Python bytes; later reads show it without b''
		return created(j)
	}
	if strings.ContainsAny(ct.commonName, " ,") {
		return q.crash() // the router's configuration cannot have such a key; the certificate is stored
	}
	j := q.certJSON1(ct)
	j.Expires = strings.TrimSuffix(j.Expires, "UTC") // only later reads have it
	return created(j)
}

// attachCert attaches a certificate to a domain of any app and owner, as recorded. API 2.x only.
func attachCert(q *request) *response {
	ct, stop := q.myCert()
	if stop != nil {
		return stop
	}
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	name, given := data["domain"]
	if inPath := q.vars["domain"]; inPath != "" {
		name, given = inPath, true
	}
	if !given && q.late23() {
		return detail(http.StatusBadRequest, "domain is a required field")
	}
	if !given {
		return q.crash()
	}
	d := q.domains[q.pythonString(name)]
	switch {
	case d == nil:
		return q.notFound("Domain")
	case d.cert != nil:
		return detail(http.StatusConflict, "Domain already has a certificate attached to it")
	}
	d.cert = ct
	return empty(http.StatusCreated)
}

// detachCert detaches the certificate of a domain, whichever certificate the path names. If no domain of the app had the
// named one, there is nothing to remove from the cluster: the response is 503, although the certificate is detached.
func detachCert(q *request) *response {
	ct, stop := q.myCert()
	if stop != nil {
		return stop
	}
	d := q.domains[q.vars["domain"]]
	if d == nil {
		return q.notFound("Domain")
	}
	served := q.domainsWhere(func(other *domain) bool { return other.app == d.app && other.cert == ct })
	d.cert = nil
	if len(served) == 0 {
		return detail(http.StatusServiceUnavailable,
			"Could not delete certificate secret %s-cert for application %s", ct.name, d.app.id)
	}
	return empty(http.StatusNoContent)
}
