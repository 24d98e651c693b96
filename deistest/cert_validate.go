package deistest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// The fields of a certificate. It is named by common_name in API 1.6, which defaults to the certificate's own, and by
// name in API 2.x. The private key is checked from API 2.3 on.
var (
	certNameField = inAll(textField{maxLength: 253,
		rules: []rule{matching(`^[a-z0-9-]+$`, "Can only contain a-z (lowercase), 0-9 and hyphens")},
		taken: &uniqueness{certNameTaken, "certificate with this name already exists."}})
	commonNameField = inAll(textField{optional: true,
		taken: &uniqueness{commonNameTaken, mustBeUnique}})
	certificateField = inAll(textField{convert: loadCertificate})
	privateKeyField  = byVersion[textField]{v1_6: required, v2_2: required, v2_3: textField{convert: loadPrivateKey}}
)

func certNameTaken(c *Controller, name string) bool {
	return slices.ContainsFunc(c.certs, func(ct *cert) bool { return ct.name == name })
}

func commonNameTaken(c *Controller, commonName string) bool {
	return slices.ContainsFunc(c.certs, func(ct *cert) bool { return ct.commonName == commonName })
}

// pemFunction is the name of the OpenSSL function that fails.
var pemFunction = byVersion[string]{v1_6: "PEM_read_bio", v2_2: "", v2_3: "get_name"}

func loadCertificate(q *request, source string) (stored, problem string) {
	if _, problem = q.parseCert(source); problem != "" {
		problem = "Could not load certificate: " + problem
	}
	return source, problem
}

// parseCert reads the first certificate of a PEM text. Problems are in the words of OpenSSL.
func (q *request) parseCert(source string) (*x509.Certificate, string) {
	block, problem := q.parsePEM(source)
	if problem != "" {
		return nil, problem
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, "[('asn1 encoding routines', '', 'header too long')]"
	}
	return parsed, ""
}

func (q *request) parsePEM(source string) (*pem.Block, string) {
	block, _ := pem.Decode([]byte(source))
	if block != nil {
		return block, ""
	}
	reason := "no start line"
	if strings.Contains(source, "-----BEGIN") {
		reason = "bad end line"
	}
	return nil, fmt.Sprintf("[('PEM routines', '%s', '%s')]", pemFunction.of(q.Controller), reason)
}

func loadPrivateKey(q *request, source string) (stored, problem string) {
	block, problem := q.parsePEM(source)
	switch {
	case problem != "":
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		problem = "[('PEM routines', 'get_name', 'no start line')]"
	case !isPrivateKey(block.Bytes):
		problem = "[('asn1 encoding routines', '', 'header too long')]"
	}
	if problem != "" {
		problem = "Could not load private key: " + problem
	}
	return source, problem
}

func isPrivateKey(der []byte) bool {
	_, err1 := x509.ParsePKCS1PrivateKey(der)
	_, err8 := x509.ParsePKCS8PrivateKey(der)
	_, errEC := x509.ParseECPrivateKey(der)
	return err1 == nil || err8 == nil || errEC == nil
}
