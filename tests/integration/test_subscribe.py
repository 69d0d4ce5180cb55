"""Subscribers of the pub socket: first values, late ones, and those that come while it is busy."""
import json
import time
import unittest

import msgpack

from daemon import Daemon, trial


class Subscribe(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.enterContext(self.daemon)

    def asker(self):
        asker = self.daemon.asker()
        self.addCleanup(asker.close)
        return asker

    def listener(self, prefix):
        socket = self.daemon.listener(prefix)
        self.addCleanup(socket.close)
        return socket

    def receive(self, socket, kind):
        """The first message of that kind."""
        while True:
            topic, body = socket.recv_multipart()
            if topic.decode().rsplit("/", 1)[1] == kind:
                return topic.decode(), body

    def test_who_subscribes_to_an_idle_daemon_hears_its_heartbeat(self):
        time.sleep(1.5)
        topic, body = self.receive(self.listener(b"murid/1/"), "status")
        self.assertEqual(topic, "murid/1/-/-/status")
        self.assertEqual(msgpack.unpackb(body)["state"], "ready")

    def test_who_comes_late_gets_the_last_prediction_in_either_encoding(self):
        asker = self.asker()
        for n in range(3):
            reply = asker.ask(**trial(n))
        for prefix, decode in ((b"murid/1/rig1/", msgpack.unpackb), (b"json/1/rig1/", json.loads)):
            _, body = self.receive(self.listener(prefix), "prediction")
            self.assertEqual(decode(body)["for_trial"], 3)
            self.assertEqual(decode(body)["p_right"], reply["p_right"])

    def test_who_comes_late_gets_the_last_alert_about_no_animal_too(self):
        asker = self.asker()
        self.assertEqual(asker.raw(b"nonsense")["kind"], "error")
        time.sleep(0.2)
        topic, body = self.receive(self.listener(b"murid/1/"), "alert")
        self.assertEqual(topic, "murid/1/-/-/alert")
        self.assertEqual(msgpack.unpackb(body)["code"], "bad_message")

    def test_subscriptions_are_heeded_while_trials_are_published(self):
        asker = self.asker()
        first = self.listener(b"murid/1/")
        asker.ask(**trial(0))
        self.receive(first, "prediction")
        others = []
        for n in range(1, 201):
            if n % 10 == 0:
                others.append(self.listener(b"murid/1/rig1/m1/prediction"))
            asker.ask(**trial(n))
        for socket in (first, *others):
            seen = 0
            while seen < 201:
                seen = msgpack.unpackb(self.receive(socket, "prediction")[1])["for_trial"]


if __name__ == "__main__":
    unittest.main()
