package deistest

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// The fields of an SSH key. Its id is any text, and from API 2.3 on unique across all users.
var (
	keyIDField = byVersion[textField]{
		v1_6: textField{maxLength: 128},
		v2_2: textField{maxLength: 128},
		v2_3: textField{maxLength: 128, taken: &uniqueness{keyIDTaken, "SSH Key with this id already exists."}},
	}
	publicField = byVersion[textField]{
		v1_6: textField{taken: &uniqueness{publicTaken, mustBeUnique}, convert: checkPublic},
		v2_2: textField{taken: &uniqueness{publicTaken, "Public Key is already in use"}, convert: checkPublic},
		v2_3: textField{taken: &uniqueness{publicTaken, "Public Key is already in use"}, convert: checkPublic},
	}
)

func keyIDTaken(c *Controller, id string) bool {
	return slices.ContainsFunc(c.keys, func(k *key) bool { return k.id == id })
}

func publicTaken(c *Controller, public string) bool {
	return slices.ContainsFunc(c.keys, func(k *key) bool { return k.public == public })
}

func checkPublic(q *request, public string) (stored, problem string) {
	_, problem = q.fingerprint(public)
	return public, problem
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// fingerprint returns the MD5 of the key's second word, decoded as Python does: characters that are not Base64 are
// skipped, and only the padding must be right.
func (q *request) fingerprint(public string) (sum, problem string) {
	words := strings.Fields(public)
	problem = "list index out of range"
	if len(words) > 1 {
		problem = "Incorrect padding"
		digits := strings.Map(func(r rune) rune {
			if strings.ContainsRune(base64Digits, r) {
				return r
			}
			return -1
		}, words[1])
		padded := digits + strings.Repeat("=", min(strings.Count(words[1], "="), (4-len(digits)%4)%4))
		if decoded, err := base64.StdEncoding.DecodeString(padded); err == nil {
			return strings.ReplaceAll(fmt.Sprintf("% x", md5.Sum(decoded)), " ", ":"), ""
		}
	}
	if q.v2() {
		problem = "Key contains invalid base64 chars"
	}
	return "", problem
}
