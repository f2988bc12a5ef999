"""What icons show: the classes of the tasks that are made of them, by the words of their names.

A name of an icon is read from its beginning ("file music" shows a file), but for the mark at its
end ("file plus"). Words of one concept that designers call differently stand between slashes.
"""

from __future__ import annotations

# Class of the task `icons` → first words of names.
ICONS = {
    "arrow": "arrow/arrows",
    "book": "book/books/notebook/notepad/address-book",
    "calendar": "calendar",
    "chart": "chart/graph",
    "clock": "clock/alarm/timer/hourglass/stopwatch",
    "computer": "monitor/desktop/desktop-tower/laptop/computer/mac/tablet",
    "envelope": "email/envelope/envelopes/mail/mailbox",
    "face": "emoticon/emotion/face/smiley",
    "file": "file/files",
    "folder": "folder/folders",
    "hand": "hand/hands/thumb/thumbs/handshake/gesture-tap/gesture-double/gesture-two",
    "house": "home/house",
    "person": "account/user/users/person/people",
    "speech bubble": "chat/message/comment/comments/forum",
    "table": "table",
    "telephone": "phone/cellphone/smartphone/device-mobile/deskphone",
}

# Class of the task `pictograms` → its concepts.
PICTOGRAMS = {
    "an animal": """
        bat bee bird bug/bugs/bug-beetle butterfly cat cow crow dog dolphin donkey dove dragon
        duck elephant fish frog hippo horse/horse-head jellyfish kangaroo kiwi-bird koala
        ladybug locust mosquito otter owl panda paw penguin pig rabbit rodent sheep shark shrimp
        snail snake spider squirrel tortoise turtle unicorn worm
    """,
    "a vehicle": """
        airballoon airplane/plane ambulance/truck-medical baby-carriage/baby-buggy bicycle/bike
        bulldozer bus cable-car/gondola car caravan dump-truck excavator ferry fire-truck
        forklift golf-cart helicopter jeepney jet-fighter motorbike/motorcycle moped quadcopter
        rickshaw rocket rv-truck sail-boat/sailboat/boat scooter ship sleigh snowmobile snowplow
        submarine subway tank tanker-truck taxi tow-truck tractor trailer/truck-trailer train
        tram truck ufo unicycle van/van-passenger/van-utility
    """,
    "food or drink": """
        food-apple/apple-whole bacon baguette beer/beer-mug/glass-mug bottle-soda/bottle-water
        wine-bottle/bottle-wine bread-slice cake candy candycane/candy-cane carrot
        champagne-glasses cheese chili/pepper-hot coffee cookie corn food-croissant cup cupcake
        egg food-drumstick/drumstick food-steak food-turkey food-hot-dog/hotdog french-fries
        fruit-cherries fruit-citrus/lemon fruit-grapes fruit-pear fruit-pineapple
        fruit-watermelon glass-wine/wine-glass/wine glass-cocktail/martini-glass/martini
        glass-flute glass-tulip glass-stange hamburger/burger ice-cream ice-pop leek liquor
        mug-hot mug-saucer muffin noodles nutrition pasta peanut pizza popcorn pretzel pumpkin
        rice sausage shaker silverware/utensils/fork-knife/restaurant/spoon soy-sauce
        stroopwafel taco tea brandy/whiskey-glass
    """,
    "a tool": """
        anvil axe box-cutter broom brush/paintbrush/paint-brush/format-paint bucket/pail
        carabiner circular-saw compass-drafting crane eyedropper fire-extinguisher flashlight
        gavel hammer hand-saw hook knife ladder magnet mower nail needle nut paint-roller
        pickaxe pitchfork pliers rake razor ruler saw-blade scale-balance/scales
        scissors/content-cut screw screwdriver shovel sickle soldering-iron spirit-level
        spray/spray-can stapler tape-measure toolbox tools trowel wrench
    """,
    "a building": """
        archway bank/building-columns barn bridge building/buildings/office-building/city
        cabin-a-frame campground castle church dungeon eiffel-tower factory/industry fence
        fountain garage gate greenhouse hospital/hospital-building hotel igloo kaaba landmark
        lighthouse monument mosque pier pillar pyramid silo stadium stairs store/shop/storefront
        synagogue temple-buddhist temple-hindu/gopuram/place-of-worship tent/tents torii-gate
        tower/radio-tower transmission-tower vihara wall warehouse wind-turbine yurt
    """,
    "the weather": """
        cloud-bolt/cloud-lightning cloud-fog cloud-moon cloud-rain/cloud-showers cloud-snow
        cloud-sun cloudy drizzle flood foggy hail haze heavy-showers
        lightning/bolt/flash/lightning-bolt meteor mist moon rainbow rainy showers smog
        snowflake snowman snowy sun thunderstorms tornado typhoon umbrella volcano waves
        weather-cloudy weather-dust weather-fog weather-hail weather-hazy weather-hurricane
        weather-lightning weather-night weather-partly weather-pouring weather-rainy
        weather-snowy weather-sunny weather-sunset weather-tornado weather-windy wind windsock
        windy
    """,
    "a sport": """
        badminton baseball basketball biathlon billiards bow-arrow bowling boxing-glove/boxing
        bullseye-arrow cricket curling dance-ballroom diving dumbbell/barbell fencing football
        football-helmet golf gymnastics handball hiking/person-hiking hockey-puck/hockey-sticks
        horse-human jump-rope kabaddi karate kayaking kettlebell kitesurfing medal meditation
        paragliding podium polo racing-helmet racquetball rollerblade/roller-skate rowing rugby
        run/person-running scoreboard skate/person-skating skateboard/skateboarding
        ski/person-skiing sledding snowboard/person-snowboarding soccer/futbol surfing
        swim/person-swimming table-tennis/ping-pong tennis/tennis-ball trophy volleyball
        water-polo weight-lifter whistle yoga
    """,
    "music": """
        amplifier boombox bugle cassette disc/album/record-vinyl drum earbuds equalizer/faders
        guitar/guitar-acoustic/guitar-electric headphones/headphone headset instrument-triangle
        metronome microphone/mic music music-clef ocarina piano playlist/play-list radio
        saxophone speaker/soundbar trumpet violin waveform
    """,
    "a plant": """
        barley cactus cannabis clover flower/bee-flower flower-lotus/spa flower-poppy
        flower-tulip forest grass leaf leaf-maple mushroom palm-tree pine-tree/tree-evergreen
        plant seed/seedling sprout tree wheat-awn
    """,
    "something in a household": """
        air-conditioner/air-humidifier/air-purifier armchair/couch/sofa bathtub/bath/hot-tub bed
        bench blender blinds/curtains bookshelf/library-shelves bunk-bed candle/candelabra
        ceiling-fan ceiling-light chair chandelier coach-lamp coat-rack coffee-maker cradle
        cupboard desk dishwasher door doorbell dresser fan faucet fireplace fridge hair-dryer
        iron kettle lamp/floor-lamp light-switch locker microwave mirror outdoor-lamp post-lamp
        radiator robot-vacuum/vacuum rug shower sink stove/toaster-oven string-lights
        table-chair/table-furniture/table-picnic television/tv toaster toilet
        toilet-paper/paper-roll tumble-dryer wall-sconce wardrobe washing-machine
    """,
    "clothing": """
        bag-personal bow-tie crown glasses/sunglasses graduation-cap handbag/purse hanger
        hard-hat hat-cowboy/hat-fedora/hat-wizard lingerie lipstick mask/masks/domino-mask
        mitten necklace ring safety-goggles shoe-heel shoe-sneaker shoe-formal shoe-ballet
        shoe-cleat socks tie tshirt/t-shirt/shirt/tshirt-crew vest wallet watch
        bag-suitcase/suitcase/bag-checked/luggage
    """,
    "anatomy or medicine": """
        arm-flex bacteria/bacterium bandage/bandaids biohazard blood-bag bone brain crutch dna
        ear/hearing eye fingerprint foot-print/footprint/shoe-prints head/head-side
        heart-pulse/heartbeat lungs medical-bag/kit-medical medication microscope mortar-pestle
        mustache pill/pills prescription/prescription-bottle skull stethoscope stomach syringe
        teeth/tooth test-tube/vial torso virus/viruses virus-covid
    """,
    "a game": """
        cards cards-club/spade/cards-spade cards-diamond cards-playing checkerboard chess-bishop
        chess-king chess-knight chess-pawn chess-queen chess-rook chess
        controller/gamepad/game-controller dice dice-d4 dice-d6 dice-d8 dice-d10 dice-d12
        dice-d20 ferris-wheel kite poker-chip puzzle pinwheel slide slot-machine teddy-bear
        toy-brick seesaw pokeball space-invaders pac-man nintendo-game-boy boomerang
    """,
    "science": """
        abacus antenna atom beaker calculator chemical-weapon compass earth/globe electron flare
        flask/flask-vial gauge generator infinity lightbulb/light-bulb/led-on microchip/chip/cpu
        molecule orbit planet radar radioactive/radiation satellite/satellite-dish
        telescope/binoculars thermometer solar-panel solar-power hydro-power battery pulse
        magnifying-glass/magnify sigma pi square-root function omega lambda delta
    """,
    "money": """
        cash coin coins credit-card currency-bdt currency-brl currency-btc/bitcoin currency-cny
        currency-eth currency-eur/euro currency-gbp currency-ils currency-inr currency-jpy
        currency-krw currency-ngn currency-rub currency-sign currency-try currency-twd
        currency-usd/dollar/currency-dollar hand-holding-dollar money money-bill/money-bills
        money-check peseta-sign peso-sign piggy-bank receipt/bill ruble-sign rupee-sign sack
        safe/safe-square shekel-sign sterling-sign vault won-sign yen-sign cent-sign franc-sign
        lira-sign naira-sign tenge-sign baht-sign dong-sign guarani-sign hryvnia-sign kip-sign
        manat-sign
    """,
}

# Marks at the end of a name → class of the task `badges`; "" is no class.
MARKS = {
    "plus": "plus",
    "add": "plus",
    "minus": "minus",
    "remove": "cross",
    "xmark": "cross",
    "x": "cross",
    "check": "check mark",
    "alert": "exclamation mark",
    "exclamation": "exclamation mark",
    "lock": "lock",
    "off": "slash",
    "slash": "slash",
    "edit": "pencil",
    "search": "magnifying glass",
    "clock": "clock",
    "cancel": "",
    "close": "",
    "cog": "",
    "heart": "",
    "question": "",
    "refresh": "",
    "settings": "",
    "star": "",
    "sync": "",
}

# Beginnings of names that show something else than their first word says; before a colon a
# designer, if it holds for his icons alone.
OTHERS = (
    "Codicons: mirror", "Codicons: watch", "Material Design: hospital", "Remix: flashlight",
    "airplane marker", "alarm bell", "alarm light", "alarm panel", "bank card", "bank circle",
    "bank transfer", "bed clock", "bed pulse", "bike pedal", "blender phone", "blender software",
    "bridge circle", "bug droid", "bug pause", "bug play", "bug stop", "building circle",
    "bus marker", "bus sign", "bus stop", "bus wrench", "car arrow", "car battery", "car brake",
    "car child", "car clutch", "car coolant", "car cruise", "car defrost", "car door",
    "car emergency", "car esp", "car key", "car light", "car parking", "car seat", "car shift",
    "car speed", "car tire", "car traction", "car turbocharger", "car windshield", "car wireless",
    "chess board", "city switch", "disc player", "door lock", "ear deaf", "eye arrow",
    "eye circle", "eye dropper", "eye lock", "face mask", "fan chevron", "fan speed", "flash auto",
    "flash red", "flash triangle", "fountain pen", "gate and", "gate arrow", "gate buffer",
    "gate nand", "gate nor", "gate not", "gate or", "gate xnor", "gate xor", "hand cycle",
    "hand sanitizer", "hand soap", "helicopter symbol", "hospital user", "hot tub person",
    "hotel bed", "iron board", "mosquito net", "office building marker", "pi hole", "plane car",
    "plane circle", "plane train", "radio button", "run above", "run all", "run below",
    "run coverage", "run errors", "ship wheel", "snowflake thermometer", "spider web",
    "store clock", "store marker", "suitcase medical", "sun angle", "sun clock", "sun compass",
    "sun plant", "sun thermometer", "sun wireless", "table of", "train bus", "tree city",
    "tree structure", "truck arrow", "truck field", "truck plane", "wall fire", "watch export",
    "watch import", "watch vibrate", "waves arrow", "wind power",
)  # fmt: skip
