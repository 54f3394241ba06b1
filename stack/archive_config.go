package main

import (
	"fmt"
	"slices"
	"strings"
)

// archiveConfig is one of the objects of which nothing is there by default.
type archiveConfig struct {
	Enabled    bool              `json:"enabled,omitempty"`
	ObjectLock *objectLockConfig `json:"objectLock,omitempty"` // nil: who may delete may delete
	Colder     *colderConfig     `json:"colder,omitempty"`     // nil: all stays where it is written
	// ReplicateTo is another region, which gets each object, too; "" is none.
	ReplicateTo string          `json:"replicateTo,omitempty"`
	ReadFrom    *readFromConfig `json:"readFrom,omitempty"` // nil: the stack's own
}

// objectLockConfig keeps objects from being deleted for a while, whoever tries.
type objectLockConfig struct {
	Mode string `json:"mode"` // governance: but for who has s3:BypassGovernanceRetention; compliance: nobody, ever
	Days int    `json:"days"`
}

// colderConfig moves objects to a class of storage that is cheaper to keep and dearer to read.
type colderConfig struct {
	Class     string `json:"class"` // as S3 calls it
	AfterDays int    `json:"afterDays"`
}

// The modes of Object Lock.
const (
	governance = "governance"
	compliance = "compliance"
)

// colderClasses are those of S3 that an archive may go to, and the least days before; 30 is S3's own rule.
var colderClasses = map[string]int{"STANDARD_IA": 30, "GLACIER_IR": 1, "GLACIER": 1, "DEEP_ARCHIVE": 1}

func (c archiveConfig) validate(f *findings, keepDays int, protect bool) {
	if !c.Enabled {
		f.require(c.ObjectLock == nil && c.Colder == nil, "archive.enabled",
			"is not true, and archive.objectLock and archive.colder need an archive")
		return
	}
	if l := c.ObjectLock; l != nil {
		f.require(l.Mode == governance || l.Mode == compliance, "archive.objectLock.mode",
			"must be governance or compliance, is %q", l.Mode)
		f.require(l.Days >= 1 && l.Days <= keepDays, "archive.objectLock.days",
			"must be 1 to retention.archiveDays (%d), is %d", keepDays, l.Days)
		f.require(l.Mode != compliance || protect, "archive.objectLock.mode", "is compliance, and the stack is not "+
			"protected: for %d days nobody could delete it, AWS's support included", l.Days)
	}
	if colder := c.Colder; colder != nil {
		least, known := colderClasses[colder.Class]
		f.require(known, "archive.colder.class", "must be STANDARD_IA, GLACIER_IR, GLACIER or DEEP_ARCHIVE, is %q",
			colder.Class)
		f.require(!known || (colder.AfterDays >= least && colder.AfterDays < keepDays), "archive.colder.afterDays",
			"must be %d or more for %s, and less than retention.archiveDays (%d), is %d", least, colder.Class, keepDays,
			colder.AfterDays)
	}
}

// archiveGroup is the consumer group of the archiver, by the name of the stack's resources.
func archiveGroup(name string) string { return name + "-archive" }

// letterTopics are those of dead letters.
func (c config) letterTopics() (topics []string) {
	for _, p := range c.processors() {
		topics = append(topics, p.deadLetters(c.Kafka))
	}
	return topics
}

// archivedTopics are those that the archiver reads: `eventctl archive run` makes the same of its environment.
func (c config) archivedTopics() []string { return append(c.Kafka.eventTopics(), c.letterTopics()...) }

// mostPartitions are those of the topic that has most.
func (c config) mostPartitions() (most int) {
	for _, topic := range c.Kafka.eventTopics() {
		most = max(most, c.Kafka.partitionsOf(topic)) // a topic of dead letters has as many as that of the events
	}
	return most
}

// archiveDeadline is in how many seconds the archiver must have read a record, or Kafka deletes some of them before.
func (c config) archiveDeadline() int {
	hours := c.Retention.TopicHours
	for _, t := range c.Kafka.Topics {
		if t.RetentionHours > 0 {
			hours = min(hours, t.RetentionHours)
		}
	}
	return hours * 3600
}

// archiverARNs are what the archiver reaches.
type archiverARNs struct {
	Cluster     string
	Topics      []string // by their names
	DeadLetters string   // of the first processor; those of others have a dot and a name behind it
	Group       string
	Bucket      string
}

// archiverPolicy is what the archiver does: read topics as a group of its own, and write objects. The bucket's policy
// lets nobody overwrite one.
func archiverPolicy(a archiverARNs) document {
	// The program has a topic for each set of handlers, also of those that this stack runs no processor for.
	topics := append(slices.Clone(a.Topics), a.DeadLetters, a.DeadLetters+".*")
	return policy(
		allow("Connect", []string{a.Cluster}, "kafka-cluster:Connect"),
		allow("Consume", topicARNs(a.Cluster, topics), "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
		allow("ConsumerGroup", []string{kafkaARN(a.Cluster, "group", a.Group)}, "kafka-cluster:DescribeGroup",
			"kafka-cluster:AlterGroup"),
		allow("WriteObjects", []string{a.Bucket + "/archive/*"}, "s3:PutObject"),
		// An object that is there is compared with what would be written.
		allow("CompareObjects", []string{a.Bucket + "/archive/*"}, "s3:GetObject"),
		allow("TellMissingFromForbidden", []string{a.Bucket}, "s3:ListBucket"),
	)
}

// writeOnce refuses to write an object without the condition that there is none of its name, whoever asks.
func writeOnce(bucket string) statement {
	return statement{Sid: "WriteOnce", Effect: "Deny", Principal: map[string]string{"AWS": "*"},
		Action: []string{"s3:PutObject"}, Resource: []string{bucket + "/*"},
		Condition: map[string]map[string]string{"Null": {"s3:if-none-match": "true"}}}
}

// readArchive are the rights of who looks into an archive, none without one.
func readArchive(bucket string) []statement {
	if bucket == "" {
		return nil
	}
	return []statement{allow("ReadArchive", []string{bucket + "/archive/*"}, "s3:GetObject"),
		allow("ListArchive", []string{bucket}, "s3:ListBucket")}
}

// filterPattern is CloudWatch's for lines of the log whose message begins with one of these.
func filterPattern(messages ...string) string {
	var either []string
	for _, message := range messages {
		either = append(either, fmt.Sprintf(`($.msg = "%s*")`, message))
	}
	return "{ " + strings.Join(either, " || ") + " }"
}
