package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	variablePattern  = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	serviceName      = regexp.MustCompile(`^[a-z](-?[a-z0-9])*$`)
	groupPattern     = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	secretPattern    = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	parameterPattern = regexp.MustCompile(`^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

	tableARN  = regexp.MustCompile(`^arn:aws:dynamodb:([a-z0-9-]+):\d{12}:table/[\w.-]+(/index/[\w.*-]+)?$`)
	queueARN  = regexp.MustCompile(`^arn:aws:sqs:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]+(\.fifo)?$`)
	bucketARN = regexp.MustCompile(`^arn:aws:s3:()::[a-z0-9][a-z0-9.-]+(/[^*?]*\*?)?$`)
	keyARN    = regexp.MustCompile(`^arn:aws:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+$`)
	// IAM compares the six characters at the end, too.
	secretARN    = regexp.MustCompile(`^arn:aws:secretsmanager:([a-z0-9-]+):\d{12}:secret:.+-[A-Za-z0-9]{6}$`)
	parameterARN = regexp.MustCompile(`^arn:aws:ssm:([a-z0-9-]+):\d{12}:parameter/.+$`)
)

// takenPrefixes are beginnings of names that AWS, OpenTelemetry or the programs use.
var takenPrefixes = []string{"API_KEYS", "ARCHIVE_", "AWS_", "CANARY_", "LAMBDA_", "OTEL_", "KAFKA_", "PROCESSOR_",
	"ROTATION_", "_"}

// takenNames are the other variables of the programs. On a laptop API and handlers read the same environment.
var takenNames = []string{"ACCESS_LOG_ONE_IN", "ATTEMPT_TIMEOUT", "BACKOFF_BASE",
	"BACKOFF_CAP", "CORS_ALLOWED_ORIGINS", "DRAIN_DELAY", "EVENTS_TABLE", "FOREIGN_ID_MEMBER", "HANDLERS_CONCURRENCY",
	"LOG_LEVEL", "MAX_ATTEMPTS", "METRICS_ADDRESS", "METRICS_PORT", "OPEN_CURRENT_TIME", "OUTCOME_RETENTION",
	"PARTIAL_BATCH_RESPONSE", "PORT", "PROCESSOR", "PUBLIC_URL", "PUBLISH_TIMEOUT", "RATE_LIMIT", "RATE_LIMIT_URL",
	"SCHEMA_MODE", "SHREDDED_TYPES", "STORE", "SUBJECT_KEYS", "TLS_SELF_SIGNED", "TOPIC_ROUTES",
	"TRUSTED_PROXIES"}

// variableBytes is the part for uses of the 4,096 bytes that Lambda allows for all variables of a function. The
// program's own variables take up to 1,024 (a test counts them).
const variableBytes = 3072

// validate reports uses that AWS would refuse, or that the function could not reach. key is the place of the uses in
// the stack's file.
func (u usesConfig) validate(f *findings, key, region string) {
	size := 0
	for name, value := range u.variables() {
		size += len(name) + len(value)
	}
	f.require(size <= variableBytes, key, "its variables and secrets' names take %d bytes, and Lambda has room for %d",
		size, variableBytes)
	for _, name := range slices.Sorted(maps.Keys(u.Env)) {
		u.validateName(f, key+".env", name)
		f.require(u.Env[name] != "", key+".env", "%s is empty", name)
	}
	for _, name := range slices.Sorted(maps.Keys(u.Secrets)) {
		u.validateName(f, key+".secrets", name)
		_, twice := u.Env[name]
		f.require(!twice, key+".secrets", "%s is in %s.env, too", name, key)
		u.Secrets[name].validate(f, key+".secrets."+name, region)
	}
	for _, name := range slices.Sorted(maps.Keys(u.Services)) {
		s, at := u.Services[name], key+".services."+name
		_, ours := groupPurpose[name]
		f.require(serviceName.MatchString(name) && !ours && !slices.Contains([]string{anywhere, dynamoDB, s3List}, name), at,
			"must be lower-case letters, digits and single dashes, and not the name of one of the stack's own groups")
		f.require(groupPattern.MatchString(s.SecurityGroup), at+".securityGroup",
			"must be the id of a security group of the stack's VPC, like sg-0123456789abcdef0, is %q", s.SecurityGroup)
		f.require(s.Port >= 1 && s.Port <= 65535, at+".port", "must be 1 to 65535, is %d", s.Port)
	}
	validateResources(f, key+".tables", u.Tables, region, "dynamodb:", tableARN,
		"arn:aws:dynamodb:REGION:ACCOUNT:table/NAME")
	validateResources(f, key+".queues", u.Queues, region, "sqs:", queueARN, "arn:aws:sqs:REGION:ACCOUNT:NAME")
	validateResources(f, key+".buckets", u.Buckets, region, "s3:", bucketARN,
		"arn:aws:s3:::NAME or arn:aws:s3:::NAME/PREFIX*")
	f.require(u.HandlersConcurrency >= 0 && u.HandlersConcurrency <= 10_000, key+".handlersConcurrency",
		"must be 1 to 10000, is %d", u.HandlersConcurrency)
}

func (u usesConfig) validateName(f *findings, key, name string) {
	f.require(variablePattern.MatchString(name), key, "must be names like SHOP_URL, is %q", name)
	taken := slices.Contains(takenNames, name) ||
		slices.ContainsFunc(takenPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	f.require(!taken, key, "%s has a meaning already: give it another name", name)
}

func (s secretUse) validate(f *findings, key, region string) {
	f.require((s.SecretsManager == "") != (s.Parameter == ""), key, "must have either secretsManager or parameter")
	switch {
	case strings.HasPrefix(s.SecretsManager, "arn:"):
		requireARN(f, key+".secretsManager", s.SecretsManager, region, secretARN,
			"arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-abc123, with the six characters at its end")
	case s.SecretsManager != "":
		f.require(secretPattern.MatchString(s.SecretsManager), key+".secretsManager",
			"must be the name or the ARN of a secret, is %q", s.SecretsManager)
	case strings.HasPrefix(s.Parameter, "arn:"):
		requireARN(f, key+".parameter", s.Parameter, region, parameterARN, "arn:aws:ssm:REGION:ACCOUNT:parameter/NAME")
	case s.Parameter != "":
		f.require(parameterPattern.MatchString(s.Parameter), key+".parameter",
			"must be the name of a parameter, like /shop/key, or its ARN, is %q", s.Parameter)
	}
	requireKey(f, key, s.Key, region)
}

func validateResources(f *findings, key string, uses []resourceUse, region, service string, pattern *regexp.Regexp,
	example string) {
	for i, r := range uses {
		at := fmt.Sprintf("%s[%d]", key, i)
		requireARN(f, at+".arn", r.ARN, region, pattern, example)
		f.require(len(r.Actions) > 0, at+".actions", "is empty: name at least one action")
		for _, action := range r.Actions {
			name, ours := strings.CutPrefix(action, service)
			f.require(ours && name != "" && !strings.ContainsAny(name, "*?:"), at+".actions",
				"must be whole actions that start with %s, is %q", service, action)
		}
		requireKey(f, at, r.Key, region)
		f.require(!slices.ContainsFunc(uses[:i], func(other resourceUse) bool { return other.ARN == r.ARN }), at+".arn",
			"%s is listed twice", r.ARN)
	}
}

func requireKey(f *findings, key, arn, region string) {
	if arn != "" {
		requireARN(f, key+".key", arn, region, keyARN, "arn:aws:kms:REGION:ACCOUNT:key/ID")
	}
}

// requireARN demands an ARN of the stack's region: endpoints and clients do not reach other regions.
func requireARN(f *findings, key, arn, region string, pattern *regexp.Regexp, example string) {
	parts := pattern.FindStringSubmatch(arn)
	f.require(parts != nil, key, "must be like %s, is %q", example, arn)
	if parts != nil && parts[1] != "" && region != "" {
		f.require(parts[1] == region, key, "is in %s, and the stack is in %s", parts[1], region)
	}
}
