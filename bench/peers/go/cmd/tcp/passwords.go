package main

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	classicScheme    = "salted-md5"
	classicSaltBytes = 2
	argonSaltBytes   = 16
	argonKeyBytes    = 32
)

var errUnknownHash = errors.New("a stored password is of no known scheme")

type argonCost struct {
	memoryKib uint32
	passes    uint32
	lanes     uint8
}

// passwords hashes with one scheme and verifies both.
type passwords struct {
	isClassic bool
	cost      argonCost
	// cores limits concurrent argon2 hashes: more would only take memory.
	cores chan struct{}
}

// newPasswords takes "salted-md5" or "argon2id:m=19456,t=2,p=1".
func newPasswords(scheme string) (*passwords, error) {
	p := &passwords{cores: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if scheme == classicScheme {
		p.isClassic = true
		return p, nil
	}
	_, err := fmt.Sscanf(scheme, "argon2id:m=%d,t=%d,p=%d",
		&p.cost.memoryKib, &p.cost.passes, &p.cost.lanes)
	if err != nil {
		return nil, fmt.Errorf("PASSWORD_HASH: %w", err)
	}
	return p, nil
}

// hash returns what to store in the columns password and salt.
func (p *passwords) hash(ctx context.Context, password string) (hash, salt string, err error) {
	if p.isClassic {
		salt := hex.EncodeToString(randomBytes(classicSaltBytes))
		return classicHash(password, salt), salt, nil
	}
	argonSalt := randomBytes(argonSaltBytes)
	key, err := p.argon2id(ctx, password, argonSalt, p.cost, argonKeyBytes)
	if err != nil {
		return "", "", err
	}
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.memoryKib, p.cost.passes, p.cost.lanes, encode(argonSalt), encode(key)), "", nil
}

func (p *passwords) verify(
	ctx context.Context, password, stored, salt string,
) (bool, error) {
	if len(stored) == hex.EncodedLen(md5.Size) {
		return isEqual(classicHash(password, salt), strings.ToLower(stored)), nil
	}
	cost, argonSalt, key, err := parsePhc(stored)
	if err != nil {
		return false, err
	}
	computed, err := p.argon2id(ctx, password, argonSalt, cost, uint32(len(key)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(computed, key) == 1, nil
}

func (p *passwords) argon2id(
	ctx context.Context, password string, salt []byte, cost argonCost, keyBytes uint32,
) ([]byte, error) {
	select {
	case p.cores <- struct{}{}:
		defer func() { <-p.cores }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey(
		[]byte(password), salt, cost.passes, cost.memoryKib, cost.lanes, keyBytes), nil
}

// parsePhc takes "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>".
func parsePhc(phc string) (cost argonCost, salt, key []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
		return cost, nil, nil, errUnknownHash
	}
	_, costErr := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d",
		&cost.memoryKib, &cost.passes, &cost.lanes)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if costErr != nil || saltErr != nil || keyErr != nil {
		return cost, nil, nil, errUnknownHash
	}
	return cost, salt, key, nil
}

// classicHash is md5(salt + md5(password) + salt), hex throughout.
func classicHash(password, salt string) string {
	return md5Hex(salt + md5Hex(password) + salt)
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func isEqual(one, other string) bool {
	return subtle.ConstantTimeCompare([]byte(one), []byte(other)) == 1
}

func randomBytes(count int) []byte {
	bytes := make([]byte, count)
	rand.Read(bytes) // It never fails.
	return bytes
}
