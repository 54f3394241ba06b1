package review

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// RetentionPath is the page below the project's root that WriteRetention writes.
const RetentionPath = "docs/retention.md"

// retentionStacks are the columns of its table.
var retentionStacks = []string{"dev", "staging", "prod", "recovery"}

// kept is one kind of data, its place, and who deletes it.
type kept struct{ what, where, who string }

// keeping is how long a stack keeps one kind of data.
type keeping struct {
	kept
	long string
}

// contentsOf says what a log group or a bucket holds, by its name in the program. Those of further processors have the
// processor's name behind it.
var contentsOf = map[string]string{
	"cloudwatch.LogGroup api": "Logs of the API", "cloudwatch.LogGroup processor": "Logs of the function",
	"cloudwatch.LogGroup brokers":     "Logs of the brokers",
	"cloudwatch.LogGroup api-metrics": "Lines of the API's metrics, which themselves stay for 15 months",
	"cloudwatch.LogGroup firewall":    "Requests that the firewall refused (`edge.waf`)",
	"s3.BucketV2 access-logs":         "Requests, as CloudFront or the load balancer saw them (`edge.accessLogs`)",
	"s3.BucketV2 flow-logs":           "Who talked to whom in the network (`network.flowLogs`)",
	"cloudwatch.LogGroup canary":      "Logs of the canary (`canary`)",
	"cloudwatch.LogGroup rotation":    "Logs of the rotation of keys (`keys.rotation`)",
	"cloudwatch.LogGroup archive":     "Logs of the archiver (`archive`)",
	"s3.BucketV2 archive":             "All events and dead letters (`archive`)",
	"s3.BucketV2 archive-results":     "Answers of Athena about the archive",
	"s3.BucketV2 undelivered":         "Batches that could not even be dead-lettered",
}

// keeps lists what a stack keeps and for how long, in the order of the page. A resource that contentsOf does not know
// is an error: the page must list all data.
func (g Graph) keeps() (all []keeping, err error) {
	add := func(what, where, who, long string) {
		all = append(all, keeping{kept{what, where, who}, long})
	}
	for _, n := range g.Of("msk.Configuration") {
		add("Events", "topic, `retention.topicHours`", "Kafka", inDays(topicHours(n)+"h"))
	}
	for _, n := range g.Of("cloudcontrol.Resource") {
		ms := regexp.MustCompile(`"retention.ms":"(\d+)"`).FindStringSubmatch(topicConfigs(n))
		if ms != nil && strings.HasSuffix(n.Name, ".dlq") {
			add("Dead letters", "topic, the same everywhere", "Kafka", inDays(ms[1]+"ms"))
		}
	}
	for _, f := range g.Of("lambda.Function") {
		if remembered := f.Text("environment", "variables", "OUTCOME_RETENTION"); f.Name == firstProcessor {
			add("What became of an event", "table, `retention.outcomeDays`", "DynamoDB, up to two days late",
				inDays(remembered))
		}
	}
	for _, n := range g.Of("backup.Plan") {
		for i, setting := range []string{"backupDays", "monthlyBackupDays"} {
			rule := n.At("rules").ArrayValue()[i].ObjectValue()
			add("Backups of that table, "+rule["ruleName"].StringValue(), "vault, `retention."+setting+"`", "AWS Backup",
				days(rule["lifecycle"].ObjectValue()["deleteAfter"].NumberValue()))
		}
	}
	for _, n := range g.Of("dynamodb.Table") {
		if n.Is("pointInTimeRecovery", "enabled") {
			add("Each second of that table", "point-in-time recovery", "DynamoDB", "35 days")
		}
	}
	stored, err := g.keepsFiles()
	if err != nil {
		return nil, err
	}
	all = append(all, stored...)
	if g.isTraced() {
		add("Traces", "X-Ray, which has no setting for it", "X-Ray", "30 days")
	}
	add("Metrics", "CloudWatch, which has no setting for it", "CloudWatch", "15 months")
	return all, nil
}

// keepsFiles is the data in log groups, buckets and repositories.
func (g Graph) keepsFiles() (all []keeping, err error) {
	for _, short := range []string{"cloudwatch.LogGroup", "s3.BucketV2"} {
		for _, n := range g.Of(short) {
			what, err := n.contents()
			if err != nil {
				return nil, err
			}
			k := keeping{kept{what, "log group, `retention.logDays`", "CloudWatch Logs"},
				days(n.Number("retentionInDays"))}
			if short == "s3.BucketV2" {
				k = keeping{kept{what, "bucket", "S3"}, "until somebody deletes it"}
				for _, rule := range g.Of("s3.BucketLifecycleConfigurationV2") {
					if d := rule.Number("rules", "expiration", "days"); rule.Name == n.Name && d > 0 {
						k.long = days(d)
					}
				}
				if setting := bucketSettings[n.Name]; setting != "" {
					k.where += ", `retention." + setting + "`"
				}
			}
			all = append(all, k)
		}
	}
	for _, n := range g.Of("ecr.LifecyclePolicy") {
		newest := regexp.MustCompile(`"countNumber":(\d+)`).FindStringSubmatch(n.Text("policy"))
		if newest == nil {
			return nil, fmt.Errorf("%s counts no images", n)
		}
		all = append(all, keeping{kept{"Images", "repository", "ECR"}, "the newest " + newest[1]})
	}
	return all, nil
}

// contents is the data in a log group or a bucket.
func (n Registration) contents() (string, error) {
	if what, known := contentsOf[n.String()]; known {
		return what, nil
	}
	for _, ofProcessor := range []string{"processor", "undelivered"} {
		if id, is := strings.CutPrefix(n.Name, ofProcessor+"-"); is {
			return fmt.Sprintf("%s of `%s`", contentsOf[Short(n.Type)+" "+ofProcessor], id), nil
		}
	}
	return "", fmt.Errorf("say in contentsOf of stack/review/retention.go what %s holds", n)
}

func foreverLogs(g Graph) (broken []string) {
	for _, n := range g.Of("cloudwatch.LogGroup") {
		if n.Number("retentionInDays") == 0 {
			broken = append(broken, fmt.Sprintf("%s has no retention", n))
		}
	}
	return broken
}

// forgetful finds functions that forget an event while it can be replayed from the topic.
func forgetful(g Graph) (broken []string) {
	for _, settings := range g.Of("msk.Configuration") {
		topic, err := time.ParseDuration(topicHours(settings) + "h")
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s does not set log.retention.hours", settings))
		}
		for _, f := range g.processors() {
			text := f.Text("environment", "variables", "OUTCOME_RETENTION")
			if remembered, err := time.ParseDuration(text); err != nil || remembered < topic {
				broken = append(broken, fmt.Sprintf("%s remembers for %q what can be replayed for %s", f, text, topic))
			}
		}
	}
	return broken
}

// topicHours is how long the brokers keep events, "" where their settings do not say.
func topicHours(settings Registration) string {
	hours := regexp.MustCompile(`log\.retention\.hours=(\d+)`).FindStringSubmatch(settings.Text("serverProperties"))
	if hours == nil {
		return ""
	}
	return hours[1]
}

var bucketSettings = map[string]string{"access-logs": "accessLogDays", "flow-logs": "flowLogDays",
	"undelivered": "undeliveredDays", "archive": "archiveDays"}

// topicPartitions is the number of partitions of a topic that is made through Cloud Control.
func topicPartitions(n Registration) float64 {
	var desired struct{ PartitionCount float64 }
	_ = json.Unmarshal([]byte(n.Text("desiredState")), &desired) // what can't be read has none
	return desired.PartitionCount
}

// topicConfigs are the settings of a topic that is made through Cloud Control.
func topicConfigs(n Registration) string {
	var desired struct{ Configs string }
	if json.Unmarshal([]byte(n.Text("desiredState")), &desired) != nil {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(desired.Configs)
	if err != nil {
		return ""
	}
	return string(text)
}

// inDays writes a duration in days, or in hours if it is not a number of whole days.
func inDays(duration string) string {
	d, err := time.ParseDuration(duration)
	if err != nil || d%(24*time.Hour) != 0 {
		return duration
	}
	return days(d.Hours() / 24)
}

func days(n float64) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + " days"
}

// Retention is docs/retention.md: how long everything is kept, by what the program registers for each stack.
func Retention(root string, p Program) ([]byte, error) {
	var order []kept
	long := map[kept]map[string]string{}
	for _, stack := range retentionStacks {
		g, err := Record(root, stack, p, &Recorder{})
		if err != nil {
			return nil, err
		}
		all, err := g.keeps()
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", stack, err)
		}
		for _, k := range all {
			if long[k.kept] == nil {
				order = append(order, k.kept)
				long[k.kept] = map[string]string{}
			}
			long[k.kept][stack] = k.long
		}
	}
	var page bytes.Buffer
	page.WriteString(retentionHead)
	fmt.Fprintf(&page, "| what | where | %s | who deletes it |\n|---|---|%s---|\n", strings.Join(retentionStacks, " | "),
		strings.Repeat("---|", len(retentionStacks)))
	for _, k := range order {
		fmt.Fprintf(&page, "| %s | %s |", k.what, k.where)
		for _, stack := range retentionStacks {
			fmt.Fprintf(&page, " %s |", long[k][stack])
		}
		fmt.Fprintf(&page, " %s |\n", k.who)
	}
	page.WriteString(retentionTail)
	return page.Bytes(), nil
}

// WriteRetention writes the page.
func WriteRetention(root string, p Program) error {
	page, err := Retention(root, p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, RetentionPath), page, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", RetentionPath, err)
	}
	return nil
}
