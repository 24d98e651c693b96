package deistest

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
)

// newUUID returns a random UUID.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newToken returns a random token, 40 hexadecimal digits as in real Controllers.
func newToken() string {
	var b [20]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x", b)
}

// podSuffix returns the five random characters that make the name of a pod unique.
func podSuffix() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, 5)
	for i := range b {
		b[i] = alphabet[mathrand.IntN(len(alphabet))]
	}
	return string(b)
}

// newAppName returns a random name for an app, such as "velvet-countess".
func newAppName() string {
	first := []string{"blonde", "brassy", "classy", "edible", "frozen", "gilded", "humble", "jovial", "kindly", "mellow",
		"mystic", "nimble", "outlaw", "placid", "rustic", "syrupy", "unique", "velvet", "wonder", "zaftig"}
	second := []string{"autoharp", "bullfrog", "buttress", "countess", "drumbeat", "footwear", "gangster", "headband",
		"joyrider", "kerchief", "lacework", "mainsail", "moonrise", "neckwear", "penguins", "rucksack", "sandwich",
		"teaspoon", "wayfarer", "woodshed"}
	return first[mathrand.IntN(len(first))] + "-" + second[mathrand.IntN(len(second))]
}
